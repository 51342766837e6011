package dev.starling.scheduler.model;

/**
 * {@code starling.autoscale.*}: between {@code min} and {@code max} replicas, so many that each uses about the wanted share.
 *
 * @param min             from 1 to {@code max}; {@code max} 0: the service is not scaled by load
 * @param cpuPercent      of the CPUs that a task may use (limit, else reservation, else one); 0: CPU does not matter
 * @param memoryPercent   of a task's memory limit, else of its reservation; 0: memory does not matter
 * @param cpuPerTask      billionths of a CPU that are 100 %
 * @param memoryPerTask   bytes that are 100 %
 * @param cooldownMillis  how long fewer are asked for before there are fewer; a quarter of it for more
 */
public record AutoscalePolicy(int min, int max, int cpuPercent, int memoryPercent, long cpuPerTask, long memoryPerTask, long cooldownMillis) {
    public static final AutoscalePolicy OFF = new AutoscalePolicy(0, 0, 0, 0, 0, 0, 0);

    public boolean isOn() {
        return max > 0;
    }
}
