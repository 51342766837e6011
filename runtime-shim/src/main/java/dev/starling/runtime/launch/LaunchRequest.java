package dev.starling.runtime.launch;

import dev.starling.runtime.ContainerFile;
import dev.starling.runtime.ContainerSpec.Filesystem;
import dev.starling.runtime.ContainerSpec.Streams;
import dev.starling.runtime.ProcessLimits;
import dev.starling.runtime.Security;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * All a container is made of, once names are resolved.
 *
 * @param root       see {@link ImageRoot}
 * @param filesystem sources of binds and volumes are host paths by now
 * @param nameFiles  see {@link NameFiles}
 * @param files      their paths are plain
 * @param security   but its capabilities and devices, which are in {@code process} and {@code devices}
 * @param devices    besides those that all containers have
 * @param init       program of the host to run as process 1 before its own, null for none
 */
public record LaunchRequest(
        Bundle bundle, ProcessPlan process, ImageRoot root, Filesystem filesystem, List<ContainerFile> nameFiles, List<ContainerFile> files,
        Map<String, String> sysctls, Security security, ProcessLimits limits, Devices devices, Streams streams, Path init) {
    /** The name files first. */
    public List<ContainerFile> allFiles() {
        return Stream.concat(nameFiles.stream(), files.stream()).toList();
    }
}
