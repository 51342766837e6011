package dev.starling.node.api;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.runtime.Container;
import java.time.Instant;
import java.util.List;

/** This node as {@code docker version} and {@code docker info} read it. */
final class SystemJson {
    static ObjectNode version(HostInfo host) {
        String java = "none (Java " + System.getProperty("java.version") + ")";
        String architecture = goArchitecture(host.architecture());
        ObjectNode json = Json.object();
        json.putObject("Platform").put("Name", "Starling");
        ObjectNode engine = json.putArray("Components").addObject().put("Name", "Engine").put("Version", host.version());
        engine.putObject("Details").put("ApiVersion", ApiVersion.NEWEST.toString()).put("Arch", architecture).put("BuildTime", "")
                .put("Experimental", "false").put("GitCommit", host.gitCommit()).put("GoVersion", java)
                .put("KernelVersion", host.kernelVersion()).put("MinAPIVersion", ApiVersion.OLDEST.toString()).put("Os", "linux");
        return json.put("Version", host.version()).put("ApiVersion", ApiVersion.NEWEST.toString())
                .put("MinAPIVersion", ApiVersion.OLDEST.toString()).put("GitCommit", host.gitCommit()).put("GoVersion", java)
                .put("Os", "linux").put("Arch", architecture).put("KernelVersion", host.kernelVersion()).put("BuildTime", "");
    }

    /** @param swarm the Swarm part; null in no swarm */
    static ObjectNode info(HostInfo host, List<Container> containers, int images, ObjectNode swarm, Instant now) {
        int running = (int) containers.stream().filter(container -> container.state() == Container.State.RUNNING).count();
        ObjectNode json = Json.object().put("ID", swarm == null ? host.hostname() : swarm.path("NodeID").asText())
                .put("Containers", containers.size()).put("ContainersRunning", running).put("ContainersPaused", 0)
                .put("ContainersStopped", containers.size() - running).put("Images", images).put("Driver", "overlay2");
        json.putArray("DriverStatus");
        ObjectNode plugins = json.putObject("Plugins");
        plugins.putArray("Volume").add("local");
        plugins.set("Network", Json.strings(List.of("bridge", "host", "null", "overlay")));
        plugins.putNull("Authorization").putArray("Log").add("json-file");
        for (String feature : List.of("MemoryLimit", "CpuCfsPeriod", "CpuCfsQuota", "CPUShares", "CPUSet", "PidsLimit", "IPv4Forwarding")) {
            json.put(feature, true);
        }
        json.put("SwapLimit", false).put("OomKillDisable", false).put("Debug", false).put("NFd", 0).put("NGoroutines", 0)
                .put("NEventsListener", 0).put("SystemTime", Json.time(now)).put("LoggingDriver", "json-file")
                .put("CgroupDriver", host.cgroupDriver()).put("CgroupVersion", host.cgroupVersion())
                .put("KernelVersion", host.kernelVersion()).put("OperatingSystem", host.operatingSystem()).put("OSVersion", host.osVersion())
                .put("OSType", "linux").put("Architecture", host.architecture()).put("IndexServerAddress", "")
                .put("NCPU", host.cpus()).put("MemTotal", host.memoryBytes()).putNull("GenericResources")
                .put("DockerRootDir", host.dataDirectory()).put("HttpProxy", "").put("HttpsProxy", "").put("NoProxy", "")
                .put("Name", host.hostname()).set("Labels", Json.strings(host.labels()));
        json.put("ExperimentalBuild", false).put("ServerVersion", host.version()).put("DefaultRuntime", host.runtime().name())
                .putObject("Runtimes").putObject(host.runtime().name()).put("path", host.runtime().path());
        json.set("Swarm", swarm == null ? noSwarm("inactive") : swarm);
        json.put("LiveRestoreEnabled", true).put("Isolation", "").put("InitBinary", ""); // containers outlive the agent
        for (String component : List.of("ContainerdCommit", "RuncCommit", "InitCommit")) {
            String version = component.equals("RuncCommit") ? host.runtime().version() : "";
            json.putObject(component).put("ID", version).put("Expected", version);
        }
        json.putArray("SecurityOptions").add("name=seccomp,profile=default");
        ArrayNode warnings = Json.strings(host.warnings());
        json.set("Warnings", warnings);
        return json;
    }

    /** @param state inactive, or locked */
    static ObjectNode noSwarm(String state) {
        ObjectNode swarm = Json.object().put("NodeID", "").put("NodeAddr", "").put("LocalNodeState", state)
                .put("ControlAvailable", false).put("Error", "");
        swarm.putNull("RemoteManagers");
        return swarm;
    }

    /** Docker's version speaks Go's words, its info the kernel's. */
    private static String goArchitecture(String architecture) {
        return switch (architecture) {
            case "x86_64" -> "amd64";
            case "aarch64" -> "arm64";
            case "armv7l", "armv6l" -> "arm";
            default -> architecture;
        };
    }

    private SystemJson() {}
}
