package dev.starling.runtime.kernel;

import dev.starling.runtime.RuntimeShimException;
import java.util.Collection;
import java.util.Locale;
import java.util.Optional;

/** Linux capabilities; the ordinal is the kernel's number. A set of them is a bit mask, as the kernel has it. */
public enum Capability {
    CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, FSETID, KILL, SETGID, SETUID, SETPCAP, LINUX_IMMUTABLE, NET_BIND_SERVICE, NET_BROADCAST,
    NET_ADMIN, NET_RAW, IPC_LOCK, IPC_OWNER, SYS_MODULE, SYS_RAWIO, SYS_CHROOT, SYS_PTRACE, SYS_PACCT, SYS_ADMIN, SYS_BOOT, SYS_NICE,
    SYS_RESOURCE, SYS_TIME, SYS_TTY_CONFIG, MKNOD, LEASE, AUDIT_WRITE, AUDIT_CONTROL, SETFCAP, MAC_OVERRIDE, MAC_ADMIN, SYSLOG, WAKE_ALARM,
    BLOCK_SUSPEND, AUDIT_READ, PERFMON, BPF, CHECKPOINT_RESTORE;

    /** What Docker gives a container. */
    public static final long DOCKER_DEFAULT = maskOf(
            CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, SETPCAP, NET_BIND_SERVICE, NET_RAW, SYS_CHROOT, MKNOD, AUDIT_WRITE, SETFCAP);

    public long mask() {
        return 1L << ordinal();
    }

    public boolean isIn(long set) {
        return (set & mask()) != 0;
    }

    private static long maskOf(Capability... capabilities) {
        long mask = 0;
        for (Capability capability : capabilities) {
            mask |= capability.mask();
        }
        return mask;
    }

    private static Optional<Capability> named(String name) {
        String upper = name.toUpperCase(Locale.ROOT);
        String bare = upper.startsWith("CAP_") ? upper.substring(4) : upper;
        for (Capability capability : values()) {
            if (capability.name().equals(bare)) {
                return Optional.of(capability);
            }
        }
        return Optional.empty();
    }

    private static long masks(Collection<String> names, long all) {
        long mask = 0;
        for (String name : names) {
            if (name.equalsIgnoreCase("ALL")) {
                mask |= all;
            } else {
                mask |= named(name).orElseThrow(() -> RuntimeShimException.invalid("invalid CapAdd/CapDrop: unknown capability: \"" + name + "\"")).mask();
            }
        }
        return mask;
    }

    /**
     * Docker's rule: the default set, or all with {@code add} ALL, or none with {@code drop} ALL; then the names added win over a dropped ALL.
     *
     * @param available what this agent itself may hand on; ALL means all of these
     */
    public static long select(Collection<String> add, Collection<String> drop, long available) {
        boolean dropAll = drop.stream().anyMatch("ALL"::equalsIgnoreCase);
        long added = masks(add, available);
        long dropped = dropAll ? 0 : masks(drop, available);
        long wanted = ((dropAll ? 0 : DOCKER_DEFAULT) | added) & ~dropped;
        long missing = wanted & ~available & ~DOCKER_DEFAULT;
        if (missing != 0) {
            throw RuntimeShimException.invalid(
                    "capability " + values()[Long.numberOfTrailingZeros(missing)] + " cannot be added: the agent itself does not have it");
        }
        return wanted & available;
    }
}
