package dev.starling.node.api;

import java.util.List;

/** What {@code docker info} and {@code docker version} tell of this node, in a swarm or not. */
public record HostInfo(
        String hostname, String version, String gitCommit, String kernelVersion, String operatingSystem, String osVersion, String architecture,
        int cpus, long memoryBytes, String dataDirectory, String cgroupVersion, String cgroupDriver, List<String> warnings,
        List<String> labels) {}
