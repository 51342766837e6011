package dev.starling.runtime;

import java.util.List;
import java.util.Map;

/**
 * What to run. Empty lists and strings mean "as the image says", then Docker's default.
 *
 * @param id          64 hexadecimal characters
 * @param name        for people and {@code docker ps}
 * @param image       reference or id of an image that the {@link dev.starling.runtime.image.ImageStore} has
 * @param entrypoint  replaces the image's ENTRYPOINT (and drops its CMD)
 * @param args        replaces the image's CMD
 * @param env         {@code NAME=value}; added to the image's
 * @param user        {@code user[:group]}, names or numbers
 * @param labels      kept with the container for {@link ContainerRuntime#list}
 * @param stopSignal  e.g. {@code SIGTERM}
 * @param hosts       further lines for /etc/hosts, {@code "10.0.0.3 name"}
 * @param dns         resolv.conf
 * @param logOptions  {@code max-size} ("10m"), {@code max-file} ("3")
 */
public record ContainerSpec(
        String id, String name, String image, List<String> entrypoint, List<String> args, List<String> env, String workingDirectory,
        String user, List<String> groups, String hostname, Map<String, String> labels, String stopSignal, boolean tty,
        boolean openStdin, boolean readOnlyRoot, List<Mount> mounts, List<String> hosts, Dns dns, Limits limits, List<String> capabilityAdd,
        List<String> capabilityDrop, Map<String, String> sysctls, Map<String, String> logOptions) {

    /**
     * @param type      bind, volume or tmpfs; {@code source} a host path, a volume name, or empty for tmpfs
     * @param sizeBytes of a tmpfs; 0 for the kernel's default, half of the memory
     * @param mode      permission bits of a tmpfs; 0 for Docker's default, 1777
     */
    public record Mount(Type type, String source, String target, boolean readOnly, long sizeBytes, int mode) {
        public enum Type { BIND, VOLUME, TMPFS }

        public Mount(Type type, String source, String target, boolean readOnly) {
            this(type, source, target, readOnly, 0, 0);
        }
    }

    public record Dns(List<String> servers, List<String> search, List<String> options) {
        public static final Dns NONE = new Dns(List.of(), List.of(), List.of());
    }

    /** Zero for no limit. */
    public record Limits(long nanoCpus, long memoryBytes, long pids) {
        public static final Limits NONE = new Limits(0, 0, 0);
    }
}
