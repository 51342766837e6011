package dev.starling.runtime;

/**
 * Of a container's control group. Zero for no limit.
 *
 * @param swapBytes  on top of the memory, -1 for as much as there is; null for as much as memory
 * @param swappiness 0 to 100; null for the kernel's own
 */
public record ResourceLimits(long nanoCpus, long memoryBytes, long pids, Long swapBytes, Integer swappiness) {
    public static final ResourceLimits NONE = new ResourceLimits(0, 0, 0);

    public ResourceLimits(long nanoCpus, long memoryBytes, long pids) {
        this(nanoCpus, memoryBytes, pids, null, null);
    }
}
