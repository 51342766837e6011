package dev.starling.runtime.launch;

import static dev.starling.runtime.kernel.Flags.*;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.kernel.SpawnActions;
import java.nio.file.Path;
import java.util.List;
import jnr.ffi.Pointer;

/**
 * Copies what an image has at a volume's mount point into the volume, with owners, modes and times: what a new named volume begins with.
 *
 * <p>A disposable thread mounts the image's layers in a mount namespace of its own, opens the directory with the kernel's RESOLVE_IN_ROOT, so that no
 * symlink of the image leads out of it, and lets the host's cp(1) work from there; that follows no symlinks.
 */
public final class VolumeFill {
    private final Kernel kernel;
    private final Bundle bundle;
    private final int layers;
    private final String target;
    private final Path volume;
    private final Pointer spawnAttributes;

    private VolumeFill(Kernel kernel, Bundle bundle, int layers, String target, Path volume) {
        this.kernel = kernel;
        this.bundle = bundle;
        this.layers = layers;
        this.target = target;
        this.volume = volume;
        this.spawnAttributes = SpawnActions.attributes(kernel);
    }

    /** @param layers of the bundle; {@code target} a plain path in the image; {@code volume} a directory of the host, empty or with what an earlier try came to */
    public static void run(Kernel kernel, Bundle bundle, int layers, String target, Path volume) {
        VolumeFill fill = new VolumeFill(kernel, bundle, layers, target, volume);
        DisposableThread.run("volume-" + bundle.shortId(), fill::fill);
    }

    private void fill() {
        kernel.check(kernel.libc().unshare(CLONE_FS | CLONE_NEWNS), "unshare mounts to fill a volume");
        kernel.mount("", "/", null, MS_REC | MS_PRIVATE, null);
        try (Descriptor image = kernel.open(imageRoot(), O_PATH | kernel.architecture().openDirectory()); Descriptor source = source(image)) {
            if (source != null) {
                copy(source);
            }
        }
    }

    private String imageRoot() {
        String directory = bundle.directory().toString();
        if (layers <= 1) {
            return bundle.layer(0).toString();
        }
        kernel.check(kernel.libc().chdir(directory), "chdir", directory);
        kernel.mount("overlay", "upper", "overlay", MS_RDONLY, Bundle.lowerOnlyOptions(layers));
        return directory + "/upper"; // seen here in place of what it is
    }

    /** Null where the image has no directory there. */
    private Descriptor source(Descriptor image) {
        return new RootView(kernel, image).open(target, O_PATH | kernel.architecture().openDirectory());
    }

    private void copy(Descriptor source) {
        int status = HostProgram.runIn(kernel, spawnAttributes, source, "/bin/cp", List.of("cp", "-af", "--", ".", volume.toString()));
        if (status != 0) {
            throw RuntimeShimException.system("copy of the image's " + target + " to " + volume + ": cp ended with status " + status, null);
        }
    }
}
