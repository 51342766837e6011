package dev.starling.runtime;

import dev.starling.runtime.ContainerSpec.Mount;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/** Named volumes of this node, {@code NAME/_data} below one directory, and what a spec's mounts mean on this host. */
final class Volumes {
    private static final Pattern NAME = Pattern.compile("[a-zA-Z0-9][a-zA-Z0-9_.-]*");

    private final Path directory;

    Volumes(Path directory) {
        this.directory = directory;
    }

    /** The same mounts with host paths as sources and plain targets; missing volumes are made. */
    List<Mount> resolve(List<Mount> mounts) {
        List<Mount> resolved = new ArrayList<>();
        for (Mount mount : mounts) {
            String target = target(mount.target());
            resolved.add(switch (mount.type()) {
                case BIND -> mount.at(hostPath(mount.source()), target);
                case VOLUME -> mount.at(volume(mount.source()).toString(), target);
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

    private Path volume(String name) {
        if (!NAME.matcher(name).matches()) {
            throw RuntimeShimException.invalid("\"" + name + "\" includes invalid characters for a local volume name, only \"" + NAME + "\" are allowed");
        }
        Path data = directory.resolve(name).resolve("_data");
        try {
            return Files.createDirectories(data).toAbsolutePath();
        } catch (IOException e) {
            throw RuntimeShimException.system("create volume " + data + ": " + e, e);
        }
    }
}
