package dev.starling.runtime;

import dev.starling.runtime.volume.VolumeOptions;
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
 * @param logDriver   json-file, local or none; empty for json-file
 */
public record ContainerSpec(
        String id, String name, String image, List<String> entrypoint, List<String> args, List<String> env, String workingDirectory,
        String user, List<String> groups, String hostname, Map<String, String> labels, String stopSignal, boolean tty,
        boolean openStdin, boolean readOnlyRoot, List<Mount> mounts, List<String> hosts, Dns dns, Limits limits, List<String> capabilityAdd,
        List<String> capabilityDrop, Map<String, String> sysctls, Map<String, String> logOptions, String logDriver,
        ProcessOptions options, HealthCheck health) {

    public ContainerSpec {
        // absent in the state.json of an earlier release
        if (logDriver == null) {
            logDriver = "";
        }
        if (options == null) {
            options = ProcessOptions.NONE;
        }
        if (health == null) {
            health = HealthCheck.INHERIT;
        }
    }

    /** Without what few containers have. */
    public ContainerSpec(
            String id, String name, String image, List<String> entrypoint, List<String> args, List<String> env, String workingDirectory,
            String user, List<String> groups, String hostname, Map<String, String> labels, String stopSignal, boolean tty,
            boolean openStdin, boolean readOnlyRoot, List<Mount> mounts, List<String> hosts, Dns dns, Limits limits, List<String> capabilityAdd,
            List<String> capabilityDrop, Map<String, String> sysctls, Map<String, String> logOptions) {
        this(
                id, name, image, entrypoint, args, env, workingDirectory, user, groups, hostname, labels, stopSignal, tty, openStdin, readOnlyRoot, mounts,
                hosts, dns, limits, capabilityAdd, capabilityDrop, sysctls, logOptions, "", ProcessOptions.NONE, HealthCheck.INHERIT);
    }

    public ContainerSpec withLabels(Map<String, String> others) {
        return new ContainerSpec(
                id, name, image, entrypoint, args, env, workingDirectory, user, groups, hostname, others, stopSignal, tty, openStdin, readOnlyRoot, mounts,
                hosts, dns, limits, capabilityAdd, capabilityDrop, sysctls, logOptions, logDriver, options, health);
    }

    /**
     * @param init               run a small init as process 1, which reaps orphans
     * @param noNewPrivileges    no program gains rights by set-user-id bits or file capabilities
     * @param oomScoreAdjustment -1000 to 1000
     * @param devices            of the host, that it may use besides those that all have
     */
    public record ProcessOptions(
            boolean init, boolean noNewPrivileges, int oomScoreAdjustment, List<Ulimit> ulimits, Confinement confinement, List<Device> devices) {
        public static final ProcessOptions NONE = new ProcessOptions(false, false, 0, List.of(), Confinement.DEFAULT, List.of());

        public ProcessOptions {
            // absent in the state.json of an earlier release
            if (confinement == null) {
                confinement = Confinement.DEFAULT;
            }
            devices = devices == null ? List.of() : List.copyOf(devices);
        }

        public ProcessOptions withDevices(List<Device> others) {
            return new ProcessOptions(init, noNewPrivileges, oomScoreAdjustment, ulimits, confinement, others);
        }
    }

    /**
     * @param seccomp    empty for Docker's profile, {@code unconfined}, or a profile as JSON ({@link dev.starling.runtime.seccomp.CustomProfile})
     * @param appArmor   name of a profile that the kernel has loaded; empty for none
     * @param privileged all devices, and none of /proc and /sys hidden or read-only; capabilities are said by themselves
     */
    public record Confinement(String seccomp, String appArmor, boolean privileged) {
        public static final Confinement DEFAULT = new Confinement("", "", false);
    }

    /**
     * @param source of the host: a device, a link to one ({@code /dev/serial/by-id/...}), or a directory with devices ({@code /dev/snd})
     * @param target in the container, below /dev; empty for the same
     * @param access of {@code r}, {@code w} and {@code m} (mknod); empty for all three
     */
    public record Device(String source, String target, String access) {}

    /** @param name as Docker has it, {@code nofile}; -1 for unlimited */
    public record Ulimit(String name, long soft, long hard) {}

    /**
     * @param type      bind, volume or tmpfs; {@code source} a host path, a volume name (empty: one of this container alone), or empty for tmpfs
     * @param sizeBytes of a tmpfs; 0 for the kernel's default, half of the memory
     * @param mode      permission bits of a tmpfs; 0 for Docker's default, 1777
     * @param propagation of a bind: {@code rprivate} (also where empty), {@code rslave}, {@code shared} and so on
     * @param noCopy    an empty volume stays empty; else it is filled with what the image has at {@code target}
     * @param volumeOptions of a volume that is made ({@link dev.starling.runtime.volume.VolumeOptions}); one that is there has to have the same. Empty: as it is
     * @param volumeLabels  of a volume that is made
     */
    public record Mount(
            Type type, String source, String target, boolean readOnly, long sizeBytes, int mode, String propagation, boolean noCopy,
            Map<String, String> volumeOptions, Map<String, String> volumeLabels) {
        public enum Type { BIND, VOLUME, TMPFS }

        public Mount {
            if (propagation == null) {
                propagation = "";
            }
            // absent in the state.json of an earlier release
            volumeOptions = volumeOptions == null ? Map.of() : Map.copyOf(volumeOptions);
            volumeLabels = volumeLabels == null ? Map.of() : Map.copyOf(volumeLabels);
        }

        /** A volume without options, or none. */
        public Mount(Type type, String source, String target, boolean readOnly, long sizeBytes, int mode, String propagation, boolean noCopy) {
            this(type, source, target, readOnly, sizeBytes, mode, propagation, noCopy, Map.of(), Map.of());
        }

        public Mount(Type type, String source, String target, boolean readOnly, long sizeBytes, int mode) {
            this(type, source, target, readOnly, sizeBytes, mode, "", false);
        }

        public Mount(Type type, String source, String target, boolean readOnly) {
            this(type, source, target, readOnly, 0, 0);
        }

        Mount at(String hostPath, String plainTarget) {
            return new Mount(type, hostPath, plainTarget, readOnly, sizeBytes, mode, propagation, noCopy, volumeOptions, volumeLabels);
        }

        /** As the volume that is there has them. */
        Mount withOptions(Map<String, String> options) {
            boolean fixed = readOnly || VolumeOptions.of(options).isReadOnly();
            return new Mount(type, source, target, fixed, sizeBytes, mode, propagation, noCopy, options, volumeLabels);
        }
    }

    public record Dns(List<String> servers, List<String> search, List<String> options) {
        public static final Dns NONE = new Dns(List.of(), List.of(), List.of());
    }

    /**
     * Zero for no limit.
     *
     * @param swapBytes  on top of the memory, -1 for as much as there is; null for as much as memory
     * @param swappiness 0 to 100; null for the kernel's own
     */
    public record Limits(long nanoCpus, long memoryBytes, long pids, Long swapBytes, Integer swappiness) {
        public static final Limits NONE = new Limits(0, 0, 0);

        public Limits(long nanoCpus, long memoryBytes, long pids) {
            this(nanoCpus, memoryBytes, pids, null, null);
        }
    }
}
