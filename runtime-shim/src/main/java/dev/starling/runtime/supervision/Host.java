package dev.starling.runtime.supervision;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.kernel.Capability;
import dev.starling.runtime.kernel.Kernel;

/**
 * What this agent has to know of its machine and of itself, read once.
 *
 * @param bootId       of the running kernel: pids and control groups of another one mean nothing
 * @param capabilities the agent's own, which it may hand on
 * @param memoryKib    of the machine
 */
record Host(String bootId, long capabilities, long memoryKib) {
    private static final long MEMORY_FOR_SANDBOXES_KIB = 480 << 10; // a board of 512 MiB has a little less for Linux

    /** @throws RuntimeShimException UNSUPPORTED where this agent cannot run containers */
    static Host look(Kernel kernel) {
        long capabilities = capabilities(kernel.read("/proc/self/status"));
        if (!Capability.SYS_ADMIN.isIn(capabilities)) {
            throw RuntimeShimException.unsupported("running containers needs root (CAP_SYS_ADMIN)");
        }
        return new Host(kernel.read("/proc/sys/kernel/random/boot_id").trim(), capabilities, memoryKib(kernel.read("/proc/meminfo")));
    }

    private static long capabilities(String status) {
        long capabilities = -1;
        for (String line : status.split("\n")) {
            if (line.startsWith("CapBnd:") || line.startsWith("CapEff:")) {
                capabilities &= Long.parseUnsignedLong(line.substring(7).trim(), 16);
            }
        }
        return capabilities;
    }

    /** 0 where the kernel does not say. */
    private static long memoryKib(String meminfo) {
        for (String line : meminfo.split("\n")) {
            if (line.startsWith("MemTotal:")) {
                return Long.parseLong(line.replaceAll("[^0-9]", ""));
            }
        }
        return 0;
    }

    /** A sandbox costs some 300 KiB of the kernel's memory, and a thread. */
    boolean hasMemoryForSandboxes() {
        return memoryKib >= MEMORY_FOR_SANDBOXES_KIB;
    }
}
