package dev.starling.runtime;

import dev.starling.runtime.ContainerSpec.Mount;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.launch.Bundle;
import dev.starling.runtime.launch.VolumeFill;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Named volumes of this node, {@code NAME/_data} below one directory, and what a spec's mounts mean on this host. */
final class Volumes {
    private static final int FILLED_AT_ONCE = 16;
    private static final Pattern NAME = Pattern.compile("[a-zA-Z0-9][a-zA-Z0-9_.-]*");

    private final Kernel kernel;
    private final Path directory;
    /** By a volume's hash. What is large takes its time, and who uses another volume is not to wait for it. */
    private final Object[] fillLocks = Stream.generate(Object::new).limit(FILLED_AT_ONCE).toArray();

    Volumes(Kernel kernel, Path directory) {
        this.kernel = kernel;
        this.directory = directory;
    }

    /**
     * The same mounts with host paths as sources and plain targets, and the volumes that the image declares and nobody mounted. Missing volumes are made,
     * and what is empty is filled from the image, unless that is not wanted.
     *
     * @param bundle is there, with its layers
     */
    List<Mount> resolve(List<Mount> mounts, List<String> imageVolumes, Bundle bundle, int layers) {
        List<Mount> resolved = resolve(withImageVolumes(mounts, imageVolumes), bundle);
        for (Mount mount : resolved) {
            if (mount.type() == Mount.Type.VOLUME && !mount.noCopy()) fill(mount, bundle, layers);
        }
        return resolved;
    }

    private static List<Mount> withImageVolumes(List<Mount> mounts, List<String> imageVolumes) {
        Set<String> targets = new HashSet<>();
        for (Mount mount : mounts) targets.add(target(mount.target()));
        List<Mount> all = new ArrayList<>(mounts);
        for (String declared : imageVolumes) {
            if (targets.add(target(declared))) all.add(new Mount(Mount.Type.VOLUME, "", declared, false));
        }
        return all;
    }

    /**
     * One at a time: two containers may be the first to use a volume. A file beside it says that it is being filled: where that was cut off, by a full disk or with
     * the agent, it is filled again and not taken for somebody's data.
     */
    private void fill(Mount mount, Bundle bundle, int layers) {
        Path volume = Path.of(mount.source());
        Path unfinished = volume.resolveSibling(volume.getFileName() + ".filling");
        synchronized (fillLocks[Math.floorMod(volume.hashCode(), fillLocks.length)]) {
            try {
                if (!Files.exists(unfinished)) {
                    if (!isEmpty(volume)) return;
                    Files.createFile(unfinished);
                }
                VolumeFill.run(kernel, bundle, layers, mount.target(), volume);
                Files.delete(unfinished);
            } catch (IOException e) {
                throw RuntimeShimException.system("fill volume " + volume + ": " + e, e);
            }
        }
    }

    private static boolean isEmpty(Path directory) throws IOException {
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory)) {
            return !entries.iterator().hasNext();
        }
    }

    private List<Mount> resolve(List<Mount> mounts, Bundle bundle) {
        List<Mount> resolved = new ArrayList<>();
        for (Mount mount : mounts) {
            String target = target(mount.target());
            resolved.add(switch (mount.type()) {
                case BIND -> mount.at(hostPath(mount.source()), target);
                case VOLUME -> mount.at(volume(mount.source(), bundle, resolved.size()).toString(), target);
                case TMPFS -> mount.at("", target);
            });
        }
        return resolved;
    }

    static List<ContainerFile> withPlainPaths(List<ContainerFile> files) {
        return files.stream().map(file -> new ContainerFile(target(file.path()), file.content(), file.uid(), file.gid(), file.mode())).toList();
    }

    /** Where something goes in a container, as a plain path. */
    private static String target(String written) {
        if (!written.startsWith("/")) throw RuntimeShimException.invalid("invalid mount target, must be an absolute path in the container: " + written);
        Path path = Path.of(written).normalize();
        if (path.getNameCount() == 0) throw RuntimeShimException.invalid("invalid mount target: destination can't be '/'");
        if (path.startsWith("/proc")) throw RuntimeShimException.invalid("\"" + path + "\" cannot be mounted because it is inside /proc");
        return path.toString();
    }

    private static String hostPath(String source) {
        if (!source.startsWith("/")) throw RuntimeShimException.invalid("invalid mount path: '" + source + "' mount path must be absolute");
        return source;
    }

    /** @param number of the mount, which names a volume of this container alone */
    private Path volume(String name, Bundle bundle, int number) {
        if (name.isEmpty()) return make(bundle.volumes().resolve(Integer.toString(number)));
        return make(directory, name);
    }

    /** Where the named volumes of a runtime's directory are. */
    static Path below(Path runtimeDirectory) {
        return runtimeDirectory.resolve("volumes");
    }

    static boolean isName(String name) {
        return NAME.matcher(name).matches();
    }

    static Path make(Path directory, String name) {
        if (!isName(name)) {
            throw RuntimeShimException.invalid("\"" + name + "\" includes invalid characters for a local volume name, only \"" + NAME + "\" are allowed");
        }
        return make(directory.resolve(name).resolve("_data"));
    }

    private static Path make(Path data) {
        try {
            return Files.createDirectories(data).toAbsolutePath();
        } catch (IOException e) {
            throw RuntimeShimException.system("create volume " + data + ": " + e, e);
        }
    }
}
