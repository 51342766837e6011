package dev.starling.runtime.launch;

import dev.starling.runtime.RuntimeShimException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/** Kernel parameters a container may set: those that belong to its own network and IPC namespaces. */
public final class Sysctls {
    private static final Set<String> IPC = Set.of(
            "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax", "kernel.shmmni",
            "kernel.shm_rmid_forced");
    /** Docker's: any user may bind port 80 and send pings in its own network namespace. */
    static final Map<String, String> DEFAULTS =
            Map.of("net.ipv4.ip_unprivileged_port_start", "0", "net.ipv4.ping_group_range", "0 2147483647");

    private Sysctls() {}

    /** @return with Docker's defaults, checked */
    public static Map<String, String> complete(Map<String, String> requested) {
        for (String name : requested.keySet()) {
            boolean allowed = IPC.contains(name) || name.startsWith("net.") || name.startsWith("fs.mqueue.");
            if (!allowed || !name.matches("[A-Za-z0-9_./:-]+") || path(name).contains("/../")) {
                throw RuntimeShimException.invalid("sysctl \"" + name + "\" is not in a separate kernel namespace");
            }
        }
        Map<String, String> complete = new LinkedHashMap<>(DEFAULTS);
        complete.putAll(requested);
        return complete;
    }

    /** Those of {@code complete} that are not so by default. */
    static Map<String, String> besidesDefaults(Map<String, String> complete) {
        Map<String, String> others = new LinkedHashMap<>(complete);
        others.entrySet().removeAll(DEFAULTS.entrySet());
        return others;
    }

    /** Dots separate, unless slashes do (as in interface names with dots). */
    static String path(String name) {
        return "/proc/sys/" + (name.indexOf('/') >= 0 ? name : name.replace('.', '/'));
    }
}
