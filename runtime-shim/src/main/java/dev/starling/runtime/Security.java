package dev.starling.runtime;

import java.util.List;

/**
 * What a container may do to the kernel and to the host's devices.
 *
 * @param capabilityAdd   besides Docker's, or {@code ALL}; {@code capabilityDrop} less those
 * @param noNewPrivileges no program gains rights by set-user-id bits or file capabilities
 * @param seccomp         empty for Docker's profile, {@code unconfined}, or a profile as JSON ({@link dev.starling.runtime.seccomp.CustomProfile})
 * @param appArmor        name of a profile that the kernel has loaded; empty for none
 * @param privileged      all devices, and none of /proc and /sys hidden or read-only; capabilities and seccomp are said by themselves
 * @param devices         of the host, that it may use besides those that all have
 */
public record Security(
        List<String> capabilityAdd, List<String> capabilityDrop, boolean noNewPrivileges, String seccomp, String appArmor, boolean privileged,
        List<Device> devices) {
    public static final Security DEFAULT = new Security(List.of(), List.of(), false, "", "", false, List.of());

    /**
     * @param source of the host: a device, a link to one ({@code /dev/serial/by-id/...}), or a directory with devices ({@code /dev/snd})
     * @param target in the container, below /dev; empty for the same
     * @param access of {@code r}, {@code w} and {@code m} (mknod); empty for all three
     */
    public record Device(String source, String target, String access) {}

    public Security withCapabilities(List<String> add, List<String> drop) {
        return new Security(add, drop, noNewPrivileges, seccomp, appArmor, privileged, devices);
    }

    public Security withNoNewPrivileges(boolean wanted) {
        return new Security(capabilityAdd, capabilityDrop, wanted, seccomp, appArmor, privileged, devices);
    }

    public Security withSeccomp(String other) {
        return new Security(capabilityAdd, capabilityDrop, noNewPrivileges, other, appArmor, privileged, devices);
    }

    public Security withAppArmor(String other) {
        return new Security(capabilityAdd, capabilityDrop, noNewPrivileges, seccomp, other, privileged, devices);
    }

    public Security withPrivileged(boolean wanted) {
        return new Security(capabilityAdd, capabilityDrop, noNewPrivileges, seccomp, appArmor, wanted, devices);
    }

    public Security withDevices(List<Device> others) {
        return new Security(capabilityAdd, capabilityDrop, noNewPrivileges, seccomp, appArmor, privileged, others);
    }
}
