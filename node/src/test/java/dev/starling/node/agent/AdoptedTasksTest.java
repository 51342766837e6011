package dev.starling.node.agent;

import static dev.starling.node.agent.SwarmOfLoopbackNodes.done;
import static dev.starling.node.agent.SwarmOfLoopbackNodes.until;

import dev.starling.gossip.desired.Kind;
import dev.starling.node.Sample;
import dev.starling.runtime.Container;
import dev.starling.runtime.Health;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What containers do while the agent starts: after it has adopted them, and before it is told of them. */
@Timeout(300)
class AdoptedTasksTest {
    /** Comes in the midst of a session's start, while its core runs already. */
    private static final String LATE_METRIC = "starling.core.waiting.inputs";

    @TempDir
    Path directory;
    private SwarmOfLoopbackNodes swarm;
    private LoopbackNode node;

    @BeforeEach
    void make() throws Exception {
        swarm = new SwarmOfLoopbackNodes(directory);
        node = swarm.first();
    }

    @AfterEach
    void close() {
        swarm.close();
    }

    @Test
    void anEndIsNotMissed() throws Exception {
        run(TaskState.RUNNING);
        String first = tasks().get(0).id();
        restart(container -> {
            Container ended = new Container(container.spec(), Container.State.EXITED, 0, container.startedAt(), Instant.now(), OptionalInt.of(1), false);
            node.containers.become(ended);
            node.swarm.containerEnded(ended);
        });
        until("it is known to have ended", () -> tasks().stream().anyMatch(task -> task.id().equals(first) && task.state() == TaskState.FAILED));
    }

    @Test
    void norIsItsHealth() throws Exception {
        node.containers.health = new Health(Health.Status.STARTING, 0, List.of());
        run(TaskState.STARTING);
        restart(container -> {
            Container healthy = new Container(container.spec(), container.state(), container.pid(), container.startedAt(), null, OptionalInt.empty(), false,
                    new Health(Health.Status.HEALTHY, 0, List.of()), false);
            node.containers.become(healthy);
            node.swarm.healthChanged(healthy);
        });
        until("it runs", () -> tasks().get(0).state() == TaskState.RUNNING);
    }

    private List<Task> tasks() {
        return node.swarm.snapshot().view().tasks().getOrDefault(node.swarm.session().self(), List.of());
    }

    private void run(TaskState state) throws Exception {
        done(node.swarm.create(Kind.SERVICE, Sample.serviceBody("web", 1)));
        until("it is " + state, () -> !tasks().isEmpty() && tasks().get(0).state() == state);
    }

    /** @param meanwhile with its one container, once that is adopted */
    private void restart(Consumer<Container> meanwhile) {
        node.stop();
        AtomicBoolean done = new AtomicBoolean();
        int looks = node.containers.listed.get() + 2; // one to adopt it, and one for what nobody knows
        node.meters.config().onMeterAdded(meter -> {
            if (meter.getId().getName().equals(LATE_METRIC) && done.compareAndSet(false, true)) {
                try {
                    until("it is adopted", () -> node.containers.listed.get() >= looks);
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
                meanwhile.accept(node.containers.list().get(0));
            }
        });
        node.start();
    }
}
