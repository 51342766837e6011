package dev.starling.node.api;

import java.util.List;

/** What {@code docker info} and {@code docker version} tell of this node, in a swarm or not. */
public record HostInfo(
        String hostname, String version, String gitCommit, String kernelVersion, String operatingSystem, String osVersion, String architecture,
        int cpus, long memoryBytes, String dataDirectory, String cgroupVersion, String cgroupDriver, List<String> warnings,
        List<String> labels, Runtime runtime) {
    /** What makes the containers. @param path empty for the agent itself; {@code version} of the program, empty likewise */
    public record Runtime(String name, String path, String version) {
        public static final Runtime NATIVE = new Runtime("starling", "", "");
    }
}
