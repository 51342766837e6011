package dev.starling.node.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.runtime.Container;
import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.ContainerStats;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.cgroup.ControlGroupStats;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** What Prometheus is told of each container, as text. */
class ContainerMetricsTest {
    private static final Instant STARTED = Instant.parse("2024-05-01T10:00:00.500Z");
    private static final ControlGroupStats GROUPS = new ControlGroupStats(2_500_000_000L, 1_000_000_000L, 1_500_000_000L, 9, 3, 250_000_000L, 9_000, 12_000,
            64_000, Map.of("inactive_file", 1_000L), 4, 100, 77, 88);
    private static final ContainerStats STATS = new ContainerStats(STARTED, GROUPS,
            Map.of("eth0", new ContainerStats.Interface(1, 2, 0, 3, 4, 5, 0, 6)), 7);
    /** A line of Prometheus' text format. */
    private static final Pattern SAMPLE = Pattern.compile("[a-z_]+(\\{[a-z]+=\"([^\"\\\\\n]|\\\\[\\\\\"n])*\"(,[a-z]+=\"([^\"\\\\\n]|\\\\[\\\\\"n])*\")*})? [0-9.E+-]+");

    /** Runs what it is given; {@link #gone} has ended when its statistics are asked for. */
    private static final class Measured extends ToldContainers {
        final List<Container> running = new ArrayList<>();
        String gone = "";
        int asked;

        void add(String id, String name, String service, Instant started, Container.State state) {
            ContainerSpec spec = ContainerSpec.of(id, name, "busybox:latest")
                    .withLabels(Map.of("com.docker.swarm.service.name", service, "com.docker.swarm.task.id", "t" + id, "owner", "anybody"));
            running.add(new Container(spec, state, 1, started, null, OptionalInt.empty(), false));
        }

        @Override
        public List<Container> list() {
            return List.copyOf(running);
        }

        @Override
        public ContainerStats stats(String id) {
            asked++;
            if (id.equals(gone)) {
                throw RuntimeShimException.conflict("container " + id + " is not running");
            }
            return STATS;
        }
    }

    private final Measured containers = new Measured();
    private final ContainerMetrics metrics = new ContainerMetrics(containers);

    private static void assertWellFormed(String text) {
        Set<String> families = new HashSet<>();
        String family = "";
        for (String line : text.split("\n")) {
            if (line.startsWith("# HELP ")) {
                family = line.split(" ")[2];
                assertTrue(families.add(family), family + " is told twice");
            } else if (line.startsWith("# TYPE ")) {
                assertTrue(line.matches("# TYPE " + family + " (counter|gauge)"), line);
            } else {
                assertTrue(SAMPLE.matcher(line).matches(), line);
                assertTrue(line.startsWith(family), line + " stands below " + family);
            }
        }
    }

    @Test
    void aContainerHasItsCountersUnderCadvisorsNames() {
        containers.add("a", "web.1.x", "web", STARTED, Container.State.RUNNING);
        containers.add("b", "web.2.x", "web", STARTED, Container.State.EXITED);
        String text = metrics.scrape();
        assertWellFormed(text);
        String labels = "{name=\"web.1.x\",service=\"web\",task=\"ta\",image=\"busybox:latest\"";
        for (String sample : List.of("container_cpu_usage_seconds_total" + labels + "} 2.5", "container_cpu_cfs_throttled_seconds_total" + labels + "} 0.25",
                "container_memory_usage_bytes" + labels + "} 9000", "container_memory_working_set_bytes" + labels + "} 8000",
                "container_spec_memory_limit_bytes" + labels + "} 64000", "container_threads" + labels + "} 4",
                "container_fs_reads_bytes_total" + labels + "} 77", "container_fs_writes_bytes_total" + labels + "} 88",
                "container_start_time_seconds" + labels + "} 1.7145576005E9",
                "container_network_receive_bytes_total" + labels + ",interface=\"eth0\"} 1",
                "container_network_receive_packets_dropped_total" + labels + ",interface=\"eth0\"} 3",
                "container_network_transmit_packets_total" + labels + ",interface=\"eth0\"} 5",
                "starling_container_log_lines_dropped_total" + labels + "} 7", "starling_containers_unmeasured 0")) {
            assertTrue(text.contains("\n" + sample + "\n"), sample + " is not in\n" + text);
        }
        assertFalse(text.contains("web.2.x"), "it has ended");
        assertFalse(text.contains("anybody"), "labels of users stay out");
    }

    @Test
    void whatANameHoldsBreaksNoLine() {
        containers.add("a", "we\"b\\1\n2", "s", STARTED, Container.State.RUNNING);
        String text = metrics.scrape();
        assertWellFormed(text);
        assertTrue(text.contains("name=\"we\\\"b\\\\1\\n2\""), text);
    }

    @Test
    void oneThatEndsMeanwhileIsLeftOut() {
        containers.add("a", "one", "s", STARTED, Container.State.RUNNING);
        containers.add("b", "two", "s", STARTED, Container.State.RUNNING);
        containers.gone = "a";
        String text = metrics.scrape();
        assertWellFormed(text);
        assertTrue(text.contains("name=\"two\"") && !text.contains("name=\"one\""), text);
    }

    @Test
    void theLongestRunningAreMeasuredAndTheRestIsCounted() {
        for (int i = 0; i < ContainerMetrics.MOST + 3; i++) {
            containers.add("c" + i, "task" + i + "-", "s", STARTED.minusSeconds(i), Container.State.RUNNING);
        }
        String text = metrics.scrape();
        assertEquals(ContainerMetrics.MOST, containers.asked);
        assertTrue(text.contains("starling_containers_unmeasured 3\n"), text.substring(text.length() - 200));
        assertTrue(text.contains("\"task" + (ContainerMetrics.MOST + 2) + "-\""), "the oldest");
        assertFalse(text.contains("\"task2-\""), "the youngest");
    }

    @Test
    void noContainersAreAWellFormedAnswerToo() {
        String text = metrics.scrape();
        assertWellFormed(text);
        assertTrue(text.endsWith("starling_containers_unmeasured 0\n"), text);
    }
}
