package dev.starling.node.task;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.Sample;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.cgroup.ControlGroupStats;
import dev.starling.scheduler.model.ServiceLoad;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskReport;
import dev.starling.scheduler.model.TaskState;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** What a node tells of its tasks' load, by counters that the test moves. */
class LoadSamplerTest {
    private static final long ROUND_NANOS = 3_000_000_000L;

    private final Map<String, Long> cpuNanos = new TreeMap<>();
    private final List<List<ServiceLoad>> told = new ArrayList<>();
    private long now;
    private long memory;

    private static Task running(String id, int slot) {
        Task task = Sample.task(id, Slot.replica("web", slot), Sample.N1, TaskState.STARTING, Map.of());
        return task.with(TaskState.RUNNING, new TaskReport(id, TaskState.RUNNING, "started", "", -1, "container-" + id, 1), 1);
    }

    private static ClusterSnapshot snapshot(boolean autoscaled) {
        ObjectNode body = Sample.serviceBody("web", 2);
        body.withObject("/Spec/TaskTemplate/Resources/Limits").put("NanoCPUs", 500_000_000L).put("MemoryBytes", 1_000_000L);
        if (autoscaled) {
            body.withObject("/Spec/Labels").put("starling.autoscale.max", "5").put("starling.autoscale.cpu", "50").put("starling.autoscale.memory", "80");
        }
        return new Sample.Cluster().node(Sample.N1, "192.0.2.1", true).has(Kind.SERVICE, "web", body).runs(running("t1", 1)).runs(running("t2", 2))
                .snapshot();
    }

    private ControlGroupStats usage(String containerId) {
        Long used = cpuNanos.get(containerId);
        if (used == null) {
            throw RuntimeShimException.conflict("container " + containerId + " is not running");
        }
        return new ControlGroupStats(used, 0, 0, 0, 0, 0, memory + 700_000, 0, 0, Map.of("inactive_file", 700_000L), 1, 0, 0, 0);
    }

    /** Each round the two tasks use so many CPUs. */
    private void rounds(LoadSampler sampler, int count, double first, double second) {
        for (int i = 0; i < count; i++) {
            now += ROUND_NANOS;
            cpuNanos.merge("container-t1", (long) (first * ROUND_NANOS), Long::sum);
            cpuNanos.merge("container-t2", (long) (second * ROUND_NANOS), Long::sum);
            sampler.look();
        }
    }

    @Test
    void theMeanOfTheTasksInEighthsOfWhatIsWanted() {
        try (LoadSampler sampler = new LoadSampler(() -> snapshot(true), this::usage, () -> now, told::add)) {
            memory = 400_000; // half of the 80 % that are wanted
            rounds(sampler, 1, 0, 0);
            assertEquals(List.of(), told, "one look is no measurement");
            rounds(sampler, 8, 0.5, 0); // all it may and nothing: a mean of 0.25, which is 50 % of the limit
            assertEquals(List.of(new ServiceLoad("web", 2, 8, 4)), told.get(told.size() - 1));
            cpuNanos.remove("container-t2");
            now += ROUND_NANOS;
            cpuNanos.merge("container-t1", ROUND_NANOS / 2, Long::sum);
            sampler.look();
            assertEquals(1, told.get(told.size() - 1).get(0).tasks(), "one has ended");
        }
    }

    @Test
    void aSteadyLoadIsToldOnceAndASwingingOneSeldom() {
        try (LoadSampler sampler = new LoadSampler(() -> snapshot(true), this::usage, () -> now, told::add)) {
            rounds(sampler, 50, 0.25, 0.25);
            assertEquals(1, told.size(), told::toString);
            Random random = new Random(1);
            for (int i = 0; i < 1_000; i++) {
                double use = 0.25 + (random.nextDouble() - 0.5) * 0.05; // a tenth about the mean
                rounds(sampler, 1, use, use);
            }
            assertTrue(told.size() <= 3, told.size() + " values for 1,000 rounds");
        }
    }

    @Test
    void aServiceThatIsNotScaledByLoadIsNotMeasured() {
        try (LoadSampler sampler = new LoadSampler(() -> snapshot(false), id -> { throw new AssertionError("measured " + id); }, () -> now, told::add)) {
            sampler.look();
            assertEquals(List.of(), told);
        }
    }
}
