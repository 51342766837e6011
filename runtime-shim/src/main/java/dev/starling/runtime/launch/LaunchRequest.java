package dev.starling.runtime.launch;

import dev.starling.runtime.ContainerFile;
import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.ContainerSpec.Mount;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * All a container is made of, once names are resolved.
 *
 * @param root       see {@link ImageRoot}
 * @param mounts     sources of binds and volumes are host paths by now
 * @param nameFiles  see {@link NameFiles}
 * @param files      their paths are plain
 * @param options    resource limits and the like
 * @param devices    besides those that all containers have
 * @param terminal   its streams are a terminal, else FIFOs
 * @param openInput  without a terminal: its standard input is a FIFO that never ends, else it is empty
 * @param init       program of the host to run as process 1 before its own, null for none
 */
public record LaunchRequest(
        Bundle bundle, ProcessPlan process, ImageRoot root, List<Mount> mounts, List<ContainerFile> nameFiles, List<ContainerFile> files, boolean readOnlyRoot,
        Map<String, String> sysctls, ContainerSpec.ProcessOptions options, Devices devices, boolean terminal, boolean openInput, Path init) {
    /** The name files first. */
    public List<ContainerFile> allFiles() {
        return Stream.concat(nameFiles.stream(), files.stream()).toList();
    }
}
