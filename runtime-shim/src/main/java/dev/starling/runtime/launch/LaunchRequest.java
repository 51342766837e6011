package dev.starling.runtime.launch;

import dev.starling.runtime.ContainerFile;
import dev.starling.runtime.ContainerSpec.Mount;
import java.util.List;
import java.util.Map;

/**
 * All a container is made of, once names are resolved.
 *
 * @param layerCount links {@code layers/0..} in the bundle
 * @param mounts     sources of binds and volumes are host paths by now
 * @param files      their paths are plain
 * @param filter     seccomp program for its capabilities
 */
public record LaunchRequest(
        Bundle bundle, ProcessPlan process, int layerCount, List<Mount> mounts, List<ContainerFile> files, boolean readOnlyRoot,
        Map<String, String> sysctls, byte[] filter, boolean noNewPrivileges) {}
