package dev.starling.runtime.supervision;

import dev.starling.runtime.ContainerFile;
import dev.starling.runtime.Mount;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.launch.Bundle;
import dev.starling.runtime.launch.VolumeFill;
import dev.starling.runtime.volume.Volume;
import dev.starling.runtime.volume.VolumesInUse;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/** What a spec's mounts mean on this host: volumes become directories, made, mounted and filled where that is wanted. */
final class Volumes {
    private final Kernel kernel;
    private final VolumesInUse named;

    Volumes(Kernel kernel, VolumesInUse named) {
        this.kernel = kernel;
        this.named = named;
    }

    /**
     * The same mounts with host paths as sources and plain targets, and the volumes that the image declares and nobody mounted. Missing volumes are made,
     * and what is empty is filled from the image, unless that is not wanted. What it uses is the container's until {@link #release}, also where this fails.
     *
     * @param bundle is there, with its layers
     */
    List<Mount> resolve(List<Mount> mounts, List<String> imageVolumes, Bundle bundle, int layers) {
        List<Mount> resolved = new ArrayList<>();
        for (Mount mount : withImageVolumes(mounts, imageVolumes)) {
            String target = target(mount.target());
            resolved.add(switch (mount.type()) {
                case BIND -> mount.at(hostPath(mount.source()), target);
                case VOLUME -> volume(mount, target, bundle, layers, resolved.size());
                case TMPFS -> mount.at("", target);
            });
        }
        return resolved;
    }

    /** A running container of an earlier agent. */
    void adopt(ContainerState state) {
        for (Mount mount : state.spec().filesystem().mounts()) {
            if (mount.type() == Mount.Type.VOLUME && !mount.source().isEmpty()) {
                named.adopt(mount.source(), state.spec().id(), state.pid(), state.startTime(), target(mount.target()));
            }
        }
    }

    /** It has ended, or its start has failed. Waits for nothing. */
    void release(String containerId) {
        named.release(containerId);
    }

    /** Once all are adopted. */
    void sweep() {
        named.sweep();
    }

    private static List<Mount> withImageVolumes(List<Mount> mounts, List<String> imageVolumes) {
        Set<String> targets = new HashSet<>();
        for (Mount mount : mounts) {
            targets.add(target(mount.target()));
        }
        List<Mount> all = new ArrayList<>(mounts);
        for (String declared : imageVolumes) {
            if (targets.add(target(declared))) {
                all.add(new Mount(Mount.Type.VOLUME, "", declared, false));
            }
        }
        return all;
    }

    /**
     * A file beside it says that it is being filled: where that was cut off, by a full disk or with the agent, it is filled again and not taken for somebody's data.
     */
    private void fill(Path volume, String target, Bundle bundle, int layers) {
        Path unfinished = volume.resolveSibling(volume.getFileName() + ".filling");
        try {
            if (!Files.exists(unfinished)) {
                if (!isEmpty(volume)) {
                    return;
                }
                Files.createFile(unfinished);
            }
            VolumeFill.run(kernel, bundle, layers, target, volume);
            Files.delete(unfinished);
        } catch (IOException e) {
            throw RuntimeShimException.system("fill volume " + volume + ": " + e, e);
        }
    }

    private static boolean isEmpty(Path directory) throws IOException {
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory)) {
            return !entries.iterator().hasNext();
        }
    }

    static List<ContainerFile> withPlainPaths(List<ContainerFile> files) {
        return files.stream().map(file -> new ContainerFile(target(file.path()), file.content(), file.uid(), file.gid(), file.mode())).toList();
    }

    /** Where something goes in a container, as a plain path. */
    private static String target(String written) {
        if (!written.startsWith("/")) {
            throw RuntimeShimException.invalid("invalid mount target, must be an absolute path in the container: " + written);
        }
        Path path = Path.of(written).normalize();
        if (path.getNameCount() == 0) {
            throw RuntimeShimException.invalid("invalid mount target: destination can't be '/'");
        }
        if (path.startsWith("/proc")) {
            throw RuntimeShimException.invalid("\"" + path + "\" cannot be mounted because it is inside /proc");
        }
        return path.toString();
    }

    private static String hostPath(String source) {
        if (!source.startsWith("/")) {
            throw RuntimeShimException.invalid("invalid mount path: '" + source + "' mount path must be absolute");
        }
        return source;
    }

    /** @param number of the mount, which names a volume of this container alone */
    private Mount volume(Mount mount, String target, Bundle bundle, int layers, int number) {
        Consumer<Path> fill = data -> {
            if (!mount.noCopy()) {
                fill(data, target, bundle, layers);
            }
        };
        if (!mount.source().isEmpty()) {
            Volume volume = named.use(mount.source(), mount.volumeOptions(), mount.volumeLabels(), bundle.id(), fill);
            return mount.at(volume.data().toString(), target).withOptions(volume.options());
        }
        if (!mount.volumeOptions().isEmpty()) {
            throw RuntimeShimException.unsupported("a volume with options but no name (source=NAME), for " + target + ": it goes with its container, and what it mounts would go with it");
        }
        Path data = make(bundle.volumes().resolve(Integer.toString(number)));
        fill.accept(data);
        return mount.at(data.toString(), target);
    }

    /** Where the named volumes of a runtime's directory are. */
    static Path below(Path runtimeDirectory) {
        return runtimeDirectory.resolve("volumes");
    }

    private static Path make(Path data) {
        try {
            return Files.createDirectories(data).toAbsolutePath();
        } catch (IOException e) {
            throw RuntimeShimException.system("create volume " + data + ": " + e, e);
        }
    }
}
