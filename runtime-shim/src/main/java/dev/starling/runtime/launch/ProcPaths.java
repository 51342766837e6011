package dev.starling.runtime.launch;

import java.util.List;

/** What of /proc and /sys is covered in a container, and what is read-only there: Docker's lists. */
public final class ProcPaths {
    public static final List<String> MASKED = List.of(
            "/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
            "/proc/sched_debug", "/proc/scsi");
    public static final List<String> READ_ONLY = List.of("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger");
    public static final List<String> MASKED_FIRMWARE = List.of("/sys/firmware", "/sys/devices/virtual/powercap");

    private ProcPaths() {}
}
