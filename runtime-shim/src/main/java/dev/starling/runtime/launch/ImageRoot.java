package dev.starling.runtime.launch;

import static dev.starling.runtime.kernel.Flags.MS_BIND;
import static dev.starling.runtime.kernel.Flags.MS_REC;

import dev.starling.runtime.kernel.Kernel;
import java.nio.file.Path;

/** What a container's root directory is made of. */
public sealed interface ImageRoot {
    /** In the container's mount namespace, with the bundle as the working directory. */
    void mount(Kernel kernel, String target);

    /** An image's layers under a layer of the container's own. @param count of the links {@code layer.0..} in the bundle */
    record Layers(int count) implements ImageRoot {
        @Override
        public void mount(Kernel kernel, String target) {
            kernel.mount("overlay", target, "overlay", 0, Bundle.overlayOptions(count));
        }
    }

    /** A directory as it is, which the container writes to: the root of a bundle in the sense of OCI. bench/ContainerStarts.java compares runtimes by it. */
    record Directory(Path path) implements ImageRoot {
        @Override
        public void mount(Kernel kernel, String target) {
            kernel.mount(path.toString(), target, null, MS_BIND | MS_REC, null);
        }
    }
}
