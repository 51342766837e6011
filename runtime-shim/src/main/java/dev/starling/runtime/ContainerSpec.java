package dev.starling.runtime;

import java.util.List;
import java.util.Map;

/**
 * What to run, in groups that are handed on whole. It is kept with the container, in its state.json.
 *
 * <pre>
 *   ContainerSpec.of(id, "web.1", "nginx").withProcess(ProcessSpec.INHERIT.withArgs(List.of("-g", "daemon off;")))
 * </pre>
 *
 * @param id      64 hexadecimal characters
 * @param name    for people and {@code docker ps}
 * @param image   reference or id of an image that the {@link dev.starling.runtime.image.ImageStore} has
 * @param labels  kept with the container for {@link ContainerRuntime#list}
 * @param sysctls of its namespaces
 * @param limits  of its control group; those of each of its processes are in {@code process}
 */
public record ContainerSpec(
        String id, String name, String image, Map<String, String> labels, ProcessSpec process, Streams streams, Filesystem filesystem, Security security,
        Names names, Map<String, String> sysctls, ResourceLimits limits, Logging logging, HealthCheck health) {

    /** As the image says, then Docker's defaults. */
    public static ContainerSpec of(String id, String name, String image) {
        return new ContainerSpec(
                id, name, image, Map.of(), ProcessSpec.INHERIT, Streams.DEFAULT, Filesystem.DEFAULT, Security.DEFAULT, Names.DEFAULT, Map.of(),
                ResourceLimits.NONE, Logging.DEFAULT, HealthCheck.INHERIT);
    }

    /**
     * @param tty       they are a terminal, else FIFOs
     * @param openStdin without a terminal: standard input is a FIFO that never ends, else it is empty
     */
    public record Streams(boolean tty, boolean openStdin) {
        public static final Streams DEFAULT = new Streams(false, false);
    }

    public record Filesystem(boolean readOnlyRoot, List<Mount> mounts) {
        public static final Filesystem DEFAULT = new Filesystem(false, List.of());

        public Filesystem withMounts(List<Mount> others) {
            return new Filesystem(readOnlyRoot, others);
        }
    }

    /**
     * Who it is, and whom it knows.
     *
     * @param hostname empty for the first characters of the container's id
     * @param hosts    further lines for /etc/hosts, {@code "10.0.0.3 name"}
     */
    public record Names(String hostname, List<String> hosts, Dns dns) {
        public static final Names DEFAULT = new Names("", List.of(), Dns.NONE);
    }

    /** Of resolv.conf; without servers, the host's. */
    public record Dns(List<String> servers, List<String> search, List<String> options) {
        public static final Dns NONE = new Dns(List.of(), List.of(), List.of());
    }

    /**
     * @param driver  json-file, local or none; empty for json-file
     * @param options {@code max-size} ("10m"), {@code max-file} ("3") and so on, see {@link dev.starling.runtime.logs.LogOptions}
     */
    public record Logging(String driver, Map<String, String> options) {
        public static final Logging DEFAULT = new Logging("", Map.of());
    }

    public ContainerSpec withLabels(Map<String, String> others) {
        return new ContainerSpec(id, name, image, others, process, streams, filesystem, security, names, sysctls, limits, logging, health);
    }

    public ContainerSpec withProcess(ProcessSpec other) {
        return new ContainerSpec(id, name, image, labels, other, streams, filesystem, security, names, sysctls, limits, logging, health);
    }

    public ContainerSpec withStreams(Streams others) {
        return new ContainerSpec(id, name, image, labels, process, others, filesystem, security, names, sysctls, limits, logging, health);
    }

    public ContainerSpec withFilesystem(Filesystem other) {
        return new ContainerSpec(id, name, image, labels, process, streams, other, security, names, sysctls, limits, logging, health);
    }

    public ContainerSpec withSecurity(Security other) {
        return new ContainerSpec(id, name, image, labels, process, streams, filesystem, other, names, sysctls, limits, logging, health);
    }

    public ContainerSpec withNames(Names others) {
        return new ContainerSpec(id, name, image, labels, process, streams, filesystem, security, others, sysctls, limits, logging, health);
    }

    public ContainerSpec withSysctls(Map<String, String> others) {
        return new ContainerSpec(id, name, image, labels, process, streams, filesystem, security, names, others, limits, logging, health);
    }

    public ContainerSpec withLimits(ResourceLimits others) {
        return new ContainerSpec(id, name, image, labels, process, streams, filesystem, security, names, sysctls, others, logging, health);
    }

    public ContainerSpec withLogging(Logging other) {
        return new ContainerSpec(id, name, image, labels, process, streams, filesystem, security, names, sysctls, limits, other, health);
    }

    public ContainerSpec withHealth(HealthCheck other) {
        return new ContainerSpec(id, name, image, labels, process, streams, filesystem, security, names, sysctls, limits, logging, other);
    }
}
