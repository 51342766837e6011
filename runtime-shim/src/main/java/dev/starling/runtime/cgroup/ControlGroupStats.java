package dev.starling.runtime.cgroup;

import java.util.Map;

/**
 * What a container has used, as its control groups count it. 0 where this kernel has no such counter.
 *
 * @param cpuUserNanos      of {@code cpuNanos}, as the kernel's scheduler ticks tell it
 * @param memoryLimitBytes  0 for none
 * @param memory            the kernel's {@code memory.stat}
 * @param pidsLimit         0 for none
 */
public record ControlGroupStats(
        long cpuNanos, long cpuUserNanos, long cpuSystemNanos, long periods, long throttledPeriods, long throttledNanos, long memoryBytes,
        long memoryPeakBytes, long memoryLimitBytes, Map<String, Long> memory, long pids, long pidsLimit, long readBytes, long writtenBytes) {}
