package dev.starling.node.task;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.desired.Kind;
import dev.starling.node.Sample;
import dev.starling.node.agent.ToldContainers;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The scheduler asks once for a task's end and once for its removal: what cannot be done at once is done later. */
@Timeout(300)
class TaskEndTest {
    private static final Task TASK = Sample.task("task1", Slot.replica("web", 1), Sample.N1, TaskState.ASSIGNED, Map.of());

    private final BlockingQueue<String> reports = new LinkedBlockingQueue<>();
    private final Stubborn containers = new Stubborn();
    private final ClusterSnapshot snapshot = new Sample.Cluster().node(Sample.N1, "192.0.2.1", true)
            .has(Kind.SERVICE, "web", Sample.serviceBody("web", 1)).snapshot();
    private final TaskRunner tasks = new TaskRunner(containers, new PlainPreparation(), () -> snapshot, report -> reports.add(report.state().toString()));

    @AfterEach
    void close() {
        tasks.close();
    }

    private void reported(TaskState state) throws InterruptedException {
        assertEquals(state.toString(), reports.poll(90, TimeUnit.SECONDS), "within 90 s");
    }

    private void run() throws InterruptedException {
        tasks.start(TASK);
        reported(TaskState.PREPARING);
        reported(TaskState.STARTING);
        reported(TaskState.RUNNING);
    }

    @Test
    void aStopThatFailsIsTriedAgainUntilTheTaskHasEnded() throws InterruptedException {
        run();
        containers.failingStops.set(2);
        tasks.stop(TASK);
        reported(TaskState.SHUTDOWN);
        assertEquals(List.of("start task1", "stop task1"), containers.calls);
    }

    /** The agent ended in the midst of it: the next one does not take the task over any more, and has to end its container all the same. */
    @Test
    void aStopThatWasUnderWayIsCarriedOutByTheNextAgent() throws InterruptedException {
        run();
        try (TaskRunner next = new TaskRunner(containers, new PlainPreparation(), () -> snapshot, report -> reports.add(report.state().toString()))) {
            next.sweep(Set.of(TASK.id()));
            next.stop(TASK);
            reported(TaskState.SHUTDOWN);
            assertEquals(List.of("start task1", "stop task1"), containers.calls);
            next.remove(TASK);
            assertTrue(containers.removed.poll(90, TimeUnit.SECONDS) != null, "it was not removed within 90 s");
        }
    }

    @Test
    void aContainerThatCannotBeRemovedGoesLater() throws InterruptedException {
        run();
        containers.failingStops.set(1);
        containers.failingRemovals.set(1);
        tasks.remove(TASK);
        assertTrue(containers.removed.poll(90, TimeUnit.SECONDS) != null, "it was not removed within 90 s");
        assertEquals(List.of(), containers.list());
    }

    private static final class Stubborn extends ToldContainers {
        final AtomicInteger failingStops = new AtomicInteger();
        final AtomicInteger failingRemovals = new AtomicInteger();
        final BlockingQueue<String> removed = new LinkedBlockingQueue<>();

        @Override
        public void stop(String containerId, Duration grace) {
            if (failingStops.getAndDecrement() > 0) {
                throw RuntimeShimException.system("container " + containerId + " did not end within 30 s of SIGKILL", null);
            }
            super.stop(containerId, grace);
        }

        @Override
        public void remove(String containerId) {
            if (failingRemovals.getAndDecrement() > 0) {
                throw RuntimeShimException.system("control group of container " + containerId + " is still in use", null);
            }
            super.remove(containerId);
            removed.add(containerId);
        }
    }
}
