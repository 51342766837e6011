package dev.starling.node.agent;

import dev.starling.runtime.Container;
import dev.starling.runtime.ContainerRuntime;
import dev.starling.runtime.ContainerStats;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.cgroup.ControlGroupStats;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * What each container of this node uses, in Prometheus' text format under cAdvisor's names, so that dashboards made for those fit. Read when it is
 * scraped; a container's series end with it.
 *
 * <p>Bounded: {@link #MOST} containers, those that have run longest; the rest is only counted. Their labels are the container's name and those by which
 * people ask (service, slot, task); labels of users are not taken over, since nobody bounds their number.
 */
final class ContainerMetrics {
    static final int MOST = 250;
    private static final double NANOS = 1e9;

    /** @param unit of the value is in the name, as Prometheus wants it */
    private record Family(String name, String type, String help, List<String> samples) {
        Family(String name, String type, String help) {
            this(name, type, help, new ArrayList<>());
        }

        void add(String labels, double value) {
            samples.add(name + "{" + labels + "} " + (value == Math.rint(value) && Math.abs(value) < 1e15 ? Long.toString((long) value) : Double.toString(value)));
        }
    }

    private final ContainerRuntime runtime;

    ContainerMetrics(ContainerRuntime runtime) {
        this.runtime = runtime;
    }

    /** Blocks for some file reads a container. */
    String scrape() {
        List<Container> running = new ArrayList<>(runtime.list().stream().filter(container -> container.state() == Container.State.RUNNING).toList());
        running.sort(Comparator.comparing(Container::startedAt, Comparator.nullsLast(Comparator.naturalOrder())).thenComparing(Container::id));
        Map<String, Family> families = new TreeMap<>();
        for (Container container : running.subList(0, Math.min(MOST, running.size()))) {
            try {
                add(families, container, runtime.stats(container.id()));
            } catch (RuntimeShimException gone) {
                // ended meanwhile
            }
        }
        Family unmeasured = new Family("starling_containers_unmeasured", "gauge", "Running containers beyond the " + MOST + " that are measured one by one");
        StringBuilder text = new StringBuilder();
        families.values().forEach(family -> append(text, family));
        unmeasured.samples().add("starling_containers_unmeasured " + Math.max(0, running.size() - MOST));
        append(text, unmeasured);
        return text.toString();
    }

    private static void append(StringBuilder text, Family family) {
        text.append("# HELP ").append(family.name()).append(' ').append(family.help()).append("\n# TYPE ").append(family.name()).append(' ')
                .append(family.type()).append('\n');
        family.samples().forEach(sample -> text.append(sample).append('\n'));
    }

    private static void add(Map<String, Family> families, Container container, ContainerStats stats) {
        String labels = labels(container);
        ControlGroupStats groups = stats.groups();
        counter(families, "container_cpu_usage_seconds_total", "CPU time used").add(labels, groups.cpuNanos() / NANOS);
        counter(families, "container_cpu_user_seconds_total", "CPU time used in user space").add(labels, groups.cpuUserNanos() / NANOS);
        counter(families, "container_cpu_system_seconds_total", "CPU time used in the kernel").add(labels, groups.cpuSystemNanos() / NANOS);
        counter(families, "container_cpu_cfs_throttled_seconds_total", "Time for which its CPU limit held it up").add(labels, groups.throttledNanos() / NANOS);
        gauge(families, "container_memory_usage_bytes", "Memory used, page cache included").add(labels, groups.memoryBytes());
        gauge(families, "container_memory_working_set_bytes", "Memory used, less what the kernel would drop first").add(labels, workingSet(groups));
        gauge(families, "container_memory_max_usage_bytes", "Most memory used so far").add(labels, groups.memoryPeakBytes());
        gauge(families, "container_spec_memory_limit_bytes", "Memory limit; 0 for none").add(labels, groups.memoryLimitBytes());
        gauge(families, "container_threads", "Threads and processes").add(labels, groups.pids());
        gauge(families, "container_threads_max", "Limit of threads and processes; 0 for none").add(labels, groups.pidsLimit());
        counter(families, "container_fs_reads_bytes_total", "Bytes read from disks").add(labels, groups.readBytes());
        counter(families, "container_fs_writes_bytes_total", "Bytes written to disks").add(labels, groups.writtenBytes());
        counter(families, "starling_container_log_lines_dropped_total", "Lines that its log has not: no room in its buffer, or more than logs may write here")
                .add(labels, stats.logLinesDropped());
        if (container.startedAt() != null) {
            gauge(families, "container_start_time_seconds", "When it was started, in Unix time").add(labels, container.startedAt().toEpochMilli() / 1e3);
        }
        stats.interfaces().forEach((name, use) -> {
            String labelled = labels + ",interface=\"" + escaped(name) + "\"";
            counter(families, "container_network_receive_bytes_total", "Bytes received").add(labelled, use.receivedBytes());
            counter(families, "container_network_receive_packets_total", "Packets received").add(labelled, use.receivedPackets());
            counter(families, "container_network_receive_packets_dropped_total", "Packets that were dropped on arrival").add(labelled, use.receiveDropped());
            counter(families, "container_network_transmit_bytes_total", "Bytes sent").add(labelled, use.sentBytes());
            counter(families, "container_network_transmit_packets_total", "Packets sent").add(labelled, use.sentPackets());
            counter(families, "container_network_transmit_packets_dropped_total", "Packets that were dropped before they left").add(labelled, use.sendDropped());
        });
    }

    /** As cAdvisor and kubelet reckon it. */
    private static long workingSet(ControlGroupStats groups) {
        long inactive = groups.memory().getOrDefault("total_inactive_file", groups.memory().getOrDefault("inactive_file", 0L));
        return Math.max(0, groups.memoryBytes() - inactive);
    }

    private static String labels(Container container) {
        Map<String, String> labels = container.spec().labels();
        return String.format(Locale.ROOT, "name=\"%s\",service=\"%s\",task=\"%s\",image=\"%s\"", escaped(container.spec().name()),
                escaped(labels.getOrDefault("com.docker.swarm.service.name", "")), escaped(labels.getOrDefault("com.docker.swarm.task.id", "")),
                escaped(container.spec().image()));
    }

    private static String escaped(String text) {
        return text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n");
    }

    private static Family counter(Map<String, Family> families, String name, String help) {
        return families.computeIfAbsent(name, absent -> new Family(name, "counter", help));
    }

    private static Family gauge(Map<String, Family> families, String name, String help) {
        return families.computeIfAbsent(name, absent -> new Family(name, "gauge", help));
    }
}
