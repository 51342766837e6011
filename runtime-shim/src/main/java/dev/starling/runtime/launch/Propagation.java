package dev.starling.runtime.launch;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.kernel.Flags;

/** Whether mounts made later below a bind's source appear in the container, and the other way round (mount_namespaces(7)). */
public record Propagation(long flag, boolean recursive) {
    static final Propagation PRIVATE = new Propagation(Flags.MS_PRIVATE, true);

    /** @param name as Docker has it; empty for its default, rprivate */
    static Propagation of(String name) {
        boolean recursive = name.startsWith("r") || name.isEmpty();
        return switch (name) {
            case "", "rprivate", "private" -> new Propagation(Flags.MS_PRIVATE, recursive);
            case "rslave", "slave" -> new Propagation(Flags.MS_SLAVE, recursive);
            case "rshared", "shared" -> new Propagation(Flags.MS_SHARED, recursive);
            default -> throw RuntimeShimException.invalid("invalid propagation mode: " + name);
        };
    }
}
