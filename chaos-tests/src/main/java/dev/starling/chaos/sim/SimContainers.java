package dev.starling.chaos.sim;

import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskReport;
import dev.starling.scheduler.model.TaskState;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.TreeMap;
import java.util.random.RandomGenerator;

/**
 * A node's kernel, as far as containers go, strict: a task is started at most once, and only a task that was started can be stopped.
 * Containers outlive the agent and end with the host's power. The image says how a container fares: {@code missing} is not there,
 * {@code crash} ends with code 1 after a second, {@code batch} with 0; {@code slow...} takes seconds to start, as one that has to be pulled; all others run.
 * A host can also be unable to start any (its disk is full, say).
 */
class SimContainers {
    static final String MISSING = "missing";
    static final String CRASH = "crash";
    static final String BATCH = "batch";
    static final String SLOW = "slow";

    /** Where reports go: to the agent that runs then, if any. */
    interface Reports {
        void accept(TaskReport report);
    }

    private enum State { STARTING, RUNNING, EXITED }

    private static final class Container {
        final Task task;
        State state = State.STARTING;
        int exitCode = -1;

        Container(Task task) {
            this.task = task;
        }
    }

    private final EventQueue events;
    private final RandomGenerator random;
    private final Reports reports;
    private final TreeMap<String, Container> containers = new TreeMap<>();
    private final List<Task> ended = new ArrayList<>();
    private long epoch;
    /** Why nothing can be started here now; null where it can. */
    private String inability;

    SimContainers(EventQueue events, RandomGenerator random, Reports reports) {
        this.events = events;
        this.random = random;
        this.reports = reports;
    }

    void start(Task task) {
        if (containers.containsKey(task.id())) {
            throw new IllegalStateException("task " + task.id() + " of slot " + task.slot() + " was started twice");
        }
        Container container = new Container(task);
        containers.put(task.id(), container);
        reports.accept(report(container, TaskState.PREPARING, ""));
        later(20, task.image().startsWith(SLOW) ? 5_000 : 60, () -> {
            String refused = task.image().equals(MISSING) ? "No such image: " + MISSING : inability;
            if (refused != null) {
                container.state = State.EXITED;
                reports.accept(report(container, TaskState.REJECTED, refused));
                return;
            }
            if (container.state != State.STARTING) {
                return;
            }
            reports.accept(report(container, TaskState.STARTING, ""));
            container.state = State.RUNNING;
            reports.accept(report(container, TaskState.RUNNING, ""));
            if (task.image().equals(CRASH)) {
                endsBy(container, 1);
            } else if (task.image().equals(BATCH)) {
                endsBy(container, 0);
            }
        });
    }

    /** By itself, whether an agent is there to see it or not; a power cut comes before. */
    private void endsBy(Container container, int code) {
        events.after(1_000 + random.nextLong(101), () -> {
            if (container.state == State.RUNNING && containers.get(container.task.id()) == container) {
                container.state = State.EXITED;
                container.exitCode = code;
                if (code == 0) {
                    ended.add(container.task);
                }
                reports.accept(ended(container));
            }
        });
    }

    private static TaskReport ended(Container container) {
        return container.exitCode == 0 ? report(container, TaskState.COMPLETE, "")
                : report(container, TaskState.FAILED, "task: non-zero exit (" + container.exitCode + ")");
    }

    /** Tasks whose containers ended by themselves, with success, since the simulation began. */
    Collection<Task> completed() {
        return Collections.unmodifiableCollection(ended);
    }

    void stop(Task task) {
        Container container = containers.get(task.id());
        if (container == null) {
            reports.accept(new TaskReport(task.id(), TaskState.SHUTDOWN, "shutdown", "", -1, "", 0));
            return;
        }
        later(10, 200, () -> {
            if (container.state != State.EXITED) {
                container.state = State.EXITED;
                container.exitCode = 143;
            }
            reports.accept(report(container, TaskState.SHUTDOWN, ""));
        });
    }

    /** From now on every start fails for {@code reason}; null: they succeed again. */
    void startNothing(String reason) {
        inability = reason;
    }

    void remove(Task task) {
        containers.remove(task.id());
    }

    /** After an agent's start: what became of {@code task}. */
    TaskReport adopt(Task task) {
        Container container = containers.get(task.id());
        if (container == null) {
            return new TaskReport(task.id(), TaskState.FAILED, "failed", "the node restarted and the container is gone", -1, "", 0);
        }
        return switch (container.state) {
            case STARTING -> {
                containers.remove(task.id());
                yield new TaskReport(task.id(), TaskState.FAILED, "failed", "the start was interrupted", -1, "", 0);
            }
            case RUNNING -> report(container, TaskState.RUNNING, "");
            case EXITED -> ended(container);
        };
    }

    /** What starts when the agent ends is lost with it; what runs goes on. */
    void agentEnded() {
        epoch++;
        containers.values().removeIf(container -> container.state == State.STARTING);
    }

    void powerCut() {
        epoch++;
        containers.clear();
    }

    /** Tasks whose containers run now. */
    Collection<Task> running() {
        return Collections.unmodifiableCollection(containers.values().stream().filter(container -> container.state == State.RUNNING)
                .map(container -> container.task).toList());
    }

    int known() {
        return containers.size();
    }

    private void later(long millis, long jitter, Runnable action) {
        long started = epoch;
        events.after(millis + random.nextLong(jitter + 1), () -> {
            if (epoch == started) {
                action.run();
            }
        });
    }

    private static TaskReport report(Container container, TaskState state, String error) {
        return new TaskReport(container.task.id(), state, state.wireName(), error, container.exitCode, "c" + container.task.id(), 1);
    }
}
