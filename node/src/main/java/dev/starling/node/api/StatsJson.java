package dev.starling.node.api;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.runtime.Container;
import dev.starling.runtime.ContainerStats;
import dev.starling.runtime.cgroup.ControlGroupStats;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Map;

/** Statistics as the Docker API writes them: two samples, from which the CLI makes percentages. */
final class StatsJson {
    private static final long NANOS_A_TICK = 10_000_000; // USER_HZ is 100
    private static final int FIRST_CPU_FIELD = 2; // after "cpu" and a second blank
    private static final int CPU_FIELDS = 8; // user to steal; guest time is in user already

    /** A container's counters and the machine's, of the same moment. */
    record Sample(ContainerStats stats, long systemNanos) {
        static final Sample NOTHING = new Sample(
                new ContainerStats(Instant.EPOCH, new ControlGroupStats(0, 0, 0, 0, 0, 0, 0, 0, 0, Map.of(), 0, 0, 0, 0), Map.of(), 0), 0);

        static Sample of(ContainerStats stats) {
            return new Sample(stats, machineNanos());
        }

        private static long machineNanos() {
            try (var lines = Files.lines(Path.of("/proc/stat"))) {
                String[] fields = lines.findFirst().orElse("").split(" ");
                long ticks = 0;
                for (int i = FIRST_CPU_FIELD; i < Math.min(fields.length, FIRST_CPU_FIELD + CPU_FIELDS); i++) {
                    ticks += Long.parseLong(fields[i]);
                }
                return ticks * NANOS_A_TICK;
            } catch (IOException e) {
                throw new UncheckedIOException("read /proc/stat", e);
            }
        }
    }

    /** @param before null where there is none yet */
    static ObjectNode of(Container container, Sample before, Sample now) {
        ContainerStats stats = now.stats();
        ControlGroupStats groups = stats.groups();
        ObjectNode json = Json.object().put("read", Json.time(stats.read()))
                .put("preread", before == null ? "0001-01-01T00:00:00Z" : Json.time(before.stats().read()))
                .put("id", container.id()).put("name", "/" + container.spec().name()).put("num_procs", 0);
        ObjectNode pids = json.putObject("pids_stats").put("current", groups.pids());
        if (groups.pidsLimit() > 0) {
            pids.put("limit", groups.pidsLimit());
        }
        ArrayNode bytes = json.putObject("blkio_stats").putArray("io_service_bytes_recursive");
        bytes.addObject().put("major", 0).put("minor", 0).put("op", "read").put("value", groups.readBytes());
        bytes.addObject().put("major", 0).put("minor", 0).put("op", "write").put("value", groups.writtenBytes());
        json.set("cpu_stats", cpu(now));
        json.set("precpu_stats", cpu(before == null ? Sample.NOTHING : before));
        ObjectNode memory = json.putObject("memory_stats").put("usage", groups.memoryBytes()).put("max_usage", groups.memoryPeakBytes())
                .put("limit", groups.memoryLimitBytes() > 0 ? groups.memoryLimitBytes() : machineMemory());
        ObjectNode details = memory.putObject("stats");
        groups.memory().forEach(details::put);
        ObjectNode networks = json.putObject("networks");
        stats.interfaces().forEach((name, each) -> networks.putObject(name).put("rx_bytes", each.receivedBytes())
                .put("rx_packets", each.receivedPackets()).put("rx_errors", each.receiveErrors()).put("rx_dropped", each.receiveDropped())
                .put("tx_bytes", each.sentBytes()).put("tx_packets", each.sentPackets()).put("tx_errors", each.sendErrors())
                .put("tx_dropped", each.sendDropped()));
        return json;
    }

    private static ObjectNode cpu(Sample sample) {
        ControlGroupStats groups = sample.stats().groups();
        ObjectNode json = Json.object();
        json.putObject("cpu_usage").put("total_usage", groups.cpuNanos()).put("usage_in_usermode", groups.cpuUserNanos())
                .put("usage_in_kernelmode", groups.cpuSystemNanos());
        json.put("system_cpu_usage", sample.systemNanos()).put("online_cpus", Runtime.getRuntime().availableProcessors());
        json.putObject("throttling_data").put("periods", groups.periods()).put("throttled_periods", groups.throttledPeriods())
                .put("throttled_time", groups.throttledNanos());
        return json;
    }

    private static long machineMemory() {
        try (var lines = Files.lines(Path.of("/proc/meminfo"))) {
            return lines.filter(line -> line.startsWith("MemTotal:")).findFirst().map(line -> Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024)
                    .orElse(0L);
        } catch (IOException e) {
            throw new UncheckedIOException("read /proc/meminfo", e);
        }
    }

    private StatsJson() {}
}
