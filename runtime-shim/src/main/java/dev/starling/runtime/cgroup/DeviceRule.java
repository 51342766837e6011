package dev.starling.runtime.cgroup;

import java.util.List;

/**
 * Lets a container use a device besides those that all have.
 *
 * @param type   {@code c} or {@code b}; {@code a} in {@link #ALL} alone
 * @param access of {@code r}, {@code w} and {@code m}
 */
public record DeviceRule(char type, int major, int minor, String access) {
    /** Every device there is. */
    public static final DeviceRule ALL = new DeviceRule('a', -1, -1, "rwm");

    /** In the words of version 1 (Documentation/admin-guide/cgroup-v1/devices.rst). */
    String text() {
        return equals(ALL) ? "a" : type + " " + major + ":" + minor + " " + access;
    }

    static boolean allowAll(List<DeviceRule> rules) {
        return rules.contains(ALL);
    }
}
