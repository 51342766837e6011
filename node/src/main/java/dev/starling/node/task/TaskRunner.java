package dev.starling.node.task;

import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.node.host.Threads;
import dev.starling.runtime.Container;
import dev.starling.runtime.ContainerFile;
import dev.starling.runtime.ContainerRuntime;
import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.Health;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskReport;
import dev.starling.scheduler.model.TaskState;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Carries out what the scheduler decided for this node's tasks: makes, starts, stops and removes their containers, and reports each step.
 * Work on one task is done in order; different tasks go side by side on a few threads.
 */
public final class TaskRunner implements AutoCloseable {
    /** Which container belongs to which task: Docker's own label. */
    public static final String TASK_LABEL = "com.docker.swarm.task.id";
    /** {@code --stop-grace-period} in milliseconds. */
    static final String GRACE_LABEL = "dev.starling.stop-grace-millis";

    private static final Logger LOG = LoggerFactory.getLogger(TaskRunner.class);
    private static final int START_THREADS = 4;
    /** A stop mostly waits for its grace period; as many services' tasks end side by side. */
    private static final int STOP_THREADS = 64;
    private static final long IDLE_SECONDS = 5;
    private static final Duration DEFAULT_GRACE = Duration.ofSeconds(10);
    private static final long FIRST_RETRY_MILLIS = 500;
    private static final long LONGEST_RETRY_MILLIS = 10_000;

    /** Turns a task into what the runtime needs to know. */
    public interface Preparation {
        /** @throws RuntimeShimException where the task cannot run here */
        ContainerSpec containerSpec(Document service, Task task, ClusterSnapshot snapshot);

        /**
         * Its image, pulled where it is not here. The future fails with what Docker says where it cannot be had.
         *
         * @param tell hears how far a pull is
         */
        CompletableFuture<Void> image(Document service, ContainerSpec spec, Consumer<String> tell);

        /**
         * The task's secrets and configs. Where they have to be asked for this does not wait: the future is done later. It fails where they
         * cannot be had now, with a text for the task's error; another try may help.
         */
        CompletableFuture<List<ContainerFile>> files(Document service, Task task, ClusterSnapshot snapshot);

        /** Makes the task's networks ready on this host before its container starts. */
        ContainerRuntime.NetworkSetup network(Task task, ClusterSnapshot snapshot);

        /** Waits, not for long, until a container that has started listens where its service is published. */
        void awaitAnswering(Task task, Container container, ClusterSnapshot snapshot);

        /** Waits, not for long, until no node sends new connections to a task that is to stop. */
        void leaveBalance(Task task, ClusterSnapshot snapshot);
    }

    private final ContainerRuntime runtime;
    private final Preparation preparation;
    private final Supplier<ClusterSnapshot> snapshots;
    private final Consumer<TaskReport> reports;
    private final ThreadPoolExecutor starters = pool(START_THREADS, "task-start");
    private final ThreadPoolExecutor stoppers = pool(STOP_THREADS, "task-stop");
    /** Task id -> the end of its queue of work; an entry leaves when its queue is empty. */
    private final Map<String, CompletableFuture<Void>> queues = new ConcurrentHashMap<>();
    private final Map<String, String> containerOfTask = new ConcurrentHashMap<>();
    private final Set<String> stopping = ConcurrentHashMap.newKeySet();
    /** Tasks whose container was found unhealthy: however it ends now, the task has failed. */
    private final Set<String> unhealthy = ConcurrentHashMap.newKeySet();
    /** Tasks that wait for their files -> which try that is: what belongs to an earlier one, or to a task that was stopped, is too late. */
    private final Map<String, Object> awaitingFiles = new ConcurrentHashMap<>();

    public TaskRunner(ContainerRuntime runtime, Preparation preparation, Supplier<ClusterSnapshot> snapshots, Consumer<TaskReport> reports) {
        this.runtime = runtime;
        this.preparation = preparation;
        this.snapshots = snapshots;
        this.reports = reports;
    }

    private static ThreadPoolExecutor pool(int threads, String name) {
        ThreadPoolExecutor pool = new ThreadPoolExecutor(threads, threads, IDLE_SECONDS, TimeUnit.SECONDS, new LinkedBlockingQueue<>(),
                Threads.named(name));
        pool.allowCoreThreadTimeOut(true);
        return pool;
    }

    /** After an agent's start: what became of a task that the record calls active. Its container may run, have ended, or be gone. */
    public TaskReport adopt(Task task) {
        for (Container container : runtime.list()) {
            if (task.id().equals(container.spec().labels().get(TASK_LABEL))) {
                containerOfTask.put(task.id(), container.id());
                return container.state() == Container.State.RUNNING
                        ? task.state() == TaskState.RUNNING ? running(task.id(), container) : started(task.id(), container)
                        : ended(task.id(), container, false);
            }
        }
        return new TaskReport(task.id(), TaskState.FAILED, "failed", "the node restarted and the container is gone", -1, "", 0);
    }

    /** Removes containers of tasks that the record does not know: left by a crash between two writes. */
    public void sweep(Set<String> knownTasks) {
        for (Container container : runtime.list()) {
            String taskId = container.spec().labels().get(TASK_LABEL);
            if (taskId == null) {
                continue;
            }
            containerOfTask.put(taskId, container.id()); // also of one that was being stopped: it is to be stopped again, and removed one day
            if (!knownTasks.contains(taskId)) {
                LOG.info("removing container {} of task {}, which this node's record does not know", container.spec().name(), taskId);
                enqueue(taskId, stoppers, () -> removeContainer(taskId, null));
            }
        }
    }

    public void start(Task task) {
        enqueue(task.id(), starters, () -> doStart(task, 0));
    }

    public void stop(Task task) {
        stopping.add(task.id());
        enqueue(task.id(), stoppers, () -> doStop(task, 0));
    }

    public void remove(Task task) {
        enqueue(task.id(), stoppers, () -> removeContainer(task.id(), null));
    }

    /** The container of a task of this node; null where it has none. */
    public String containerOf(String taskId) {
        return containerOfTask.get(taskId);
    }

    private void enqueue(String taskId, Executor pool, Runnable work) {
        CompletableFuture<Void> queued = queues.compute(taskId, (id, tail) ->
                (tail == null ? CompletableFuture.<Void>completedFuture(null) : tail).thenRunAsync(() -> guarded(taskId, work), pool));
        queued.whenComplete((done, failure) -> queues.remove(taskId, queued)); // after compute: what is done by then would remove what is not there yet
    }

    private static void guarded(String taskId, Runnable work) {
        try {
            work.run();
        } catch (RuntimeException e) {
            LOG.error("work on task {} failed: {}", taskId, e.toString(), e);
        }
    }

    /** @param tries how often its files could not be had so far */
    private void doStart(Task task, int tries) {
        if (stopping.contains(task.id())) {
            return; // stopped before it began; the queued stop reports
        }
        ClusterSnapshot snapshot = snapshots.get();
        Document service = snapshot.document(Kind.SERVICE, task.slot().serviceUid());
        if (service == null) {
            reports.accept(failure(task, TaskState.REJECTED, "the service was removed before the task started"));
            return;
        }
        if (tries == 0) {
            reports.accept(new TaskReport(task.id(), TaskState.PREPARING, "preparing", "", -1, "", 0));
        }
        guardStart(service, task, () -> {
            ContainerSpec spec = preparation.containerSpec(service, task, snapshot);
            CompletableFuture<List<ContainerFile>> files = preparation.image(service, spec, progress -> preparing(task, progress))
                    .thenCompose(here -> preparation.files(service, task, snapshot));
            if (files.isDone() && !files.isCompletedExceptionally()) {
                launch(task, spec, files.join());
            } else {
                awaitFiles(service, task, spec, files, tries);
            }
        });
    }

    private void awaitFiles(Document service, Task task, ContainerSpec spec, CompletableFuture<List<ContainerFile>> files, int tries) {
        Object thisTry = new Object();
        awaitingFiles.put(task.id(), thisTry);
        files.whenComplete((got, failure) -> enqueue(task.id(), starters, () -> {
            if (!awaitingFiles.remove(task.id(), thisTry) || stopping.contains(task.id())) {
                return;
            }
            Throwable cause = TaskFiles.cause(failure);
            if (cause == null) {
                guardStart(service, task, () -> launch(task, spec, got));
            } else if (cause instanceof RuntimeShimException noImage) {
                guardStart(service, task, () -> {
                    throw noImage; // another node may have it; the scheduler sees to when it is tried again
                });
            } else {
                retryLater(task, tries, cause);
            }
        }));
    }

    /** How far a pull is, shown beside the task. */
    private void preparing(Task task, String progress) {
        if (!stopping.contains(task.id())) {
            reports.accept(new TaskReport(task.id(), TaskState.PREPARING, progress, "", -1, "", 0));
        }
    }

    /** The task stays PREPARING: nothing of it has failed yet. */
    private void retryLater(Task task, int tries, Throwable cause) {
        reports.accept(new TaskReport(task.id(), TaskState.PREPARING, "preparing", cause.getMessage(), -1, "", 0));
        Object wait = new Object();
        awaitingFiles.put(task.id(), wait);
        again(task.id(), starters, tries, cause, () -> {
            if (awaitingFiles.remove(task.id(), wait)) {
                doStart(task, tries + 1);
            }
        });
    }

    private void again(String taskId, ThreadPoolExecutor pool, int tries, Throwable cause, Runnable work) {
        if (pool.isShutdown()) {
            return; // cut off with the agent, or this session of it
        }
        long pause = Math.min(LONGEST_RETRY_MILLIS, FIRST_RETRY_MILLIS << Math.min(tries, 10));
        LOG.info("task {}: {}; tried again within {} ms", taskId, cause.getMessage(), pause);
        long jittered = pause / 2 + ThreadLocalRandom.current().nextLong(pause / 2 + 1); // not all nodes of a site at the same moment
        CompletableFuture.delayedExecutor(jittered, TimeUnit.MILLISECONDS, Runnable::run).execute(() -> enqueue(taskId, pool, work));
    }

    private void launch(Task task, ContainerSpec spec, List<ContainerFile> files) {
        ContainerRuntime.NetworkSetup network = preparation.network(task, snapshots.get());
        reports.accept(new TaskReport(task.id(), TaskState.STARTING, "starting", "", -1, spec.id(), 0));
        containerOfTask.put(task.id(), spec.id());
        if (stopping.contains(task.id())) {
            return; // while its networks were made ready; the queued stop reports
        }
        Container container = runtime.start(spec, files, network);
        if (container.health().status() == Health.Status.NONE) { // else its own check says when it answers
            preparation.awaitAnswering(task, container, snapshots.get());
        }
        reports.accept(started(task.id(), container));
    }

    private void guardStart(Document service, Task task, Runnable start) {
        try {
            start.run();
        } catch (RuntimeShimException e) {
            containerOfTask.remove(task.id());
            // what could not even be prepared is 'rejected', as Docker has it; what failed to start is 'failed'
            boolean rejected = e.kind() != RuntimeShimException.Kind.SYSTEM;
            LOG.warn("task {} of {}: {}", task.id(), service.name(), e.getMessage());
            reports.accept(failure(task, rejected ? TaskState.REJECTED : TaskState.FAILED, e.getMessage()));
        } catch (RuntimeException e) {
            containerOfTask.remove(task.id());
            LOG.error("task {} of {} could not be started: {}", task.id(), service.name(), e.toString(), e);
            reports.accept(failure(task, TaskState.FAILED, String.valueOf(e.getMessage())));
        }
    }

    /** Nobody asks for a stop twice, so one that fails (no signal ends a process that waits for a disk) is tried until the container has ended. */
    private void doStop(Task task, int tries) {
        awaitingFiles.remove(task.id());
        String containerId = containerOfTask.get(task.id());
        Container container = containerId == null ? null : runtime.inspect(containerId);
        if (container == null) {
            reports.accept(new TaskReport(task.id(), TaskState.SHUTDOWN, "shutdown", "", -1, "", 0));
            return;
        }
        if (container.state() == Container.State.RUNNING) {
            preparation.leaveBalance(task, snapshots.get());
        }
        try {
            runtime.stop(containerId, grace(container));
        } catch (RuntimeShimException e) {
            again(task.id(), stoppers, tries, e, () -> doStop(task, tries + 1));
            return;
        }
        Container after = runtime.inspect(containerId);
        reports.accept(ended(task.id(), after == null ? container : after, true));
    }

    /** @param atMost grace for a container that still runs; null for its own */
    private void removeContainer(String taskId, Duration atMost) {
        String containerId = containerOfTask.remove(taskId);
        stopping.remove(taskId);
        unhealthy.remove(taskId);
        awaitingFiles.remove(taskId);
        if (containerId != null) {
            removeContainer(taskId, containerId, atMost, 0);
        }
    }

    private void removeContainer(String taskId, String containerId, Duration atMost, int tries) {
        try {
            Container container = runtime.inspect(containerId);
            if (container != null && container.state() == Container.State.RUNNING) {
                runtime.stop(containerId, atMost != null ? atMost : grace(container));
            }
            runtime.remove(containerId);
        } catch (RuntimeShimException e) {
            again(taskId, stoppers, tries, e, () -> removeContainer(taskId, containerId, atMost, tries + 1));
        }
    }

    /** A container ended: the runtime's listener. */
    public void exited(Container container) {
        String taskId = container.spec().labels().get(TASK_LABEL);
        if (taskId != null && !stopping.contains(taskId)) {
            // in the task's queue, so that a container that ends at once is not reported before its start
            enqueue(taskId, starters, () -> reports.accept(ended(taskId, container, false)));
        }
    }

    /** The runtime's listener: a container's health has another status. */
    public void healthChanged(Container container) {
        String taskId = container.spec().labels().get(TASK_LABEL);
        if (taskId == null || stopping.contains(taskId)) {
            return;
        }
        switch (container.health().status()) {
            case HEALTHY -> enqueue(taskId, starters, () -> {
                if (!stopping.contains(taskId) && !unhealthy.contains(taskId)) {
                    reports.accept(running(taskId, container));
                }
            });
            case UNHEALTHY -> {
                unhealthy.add(taskId);
                enqueue(taskId, stoppers, () -> runtime.stop(container.id(), grace(container))); // its end is the report
            }
            case NONE, STARTING -> { }
        }
    }

    /** From the container itself: its service may be gone when it has to stop. */
    private static Duration grace(Container container) {
        String millis = container.spec().labels().get(GRACE_LABEL);
        return millis == null ? DEFAULT_GRACE : Duration.ofMillis(Long.parseLong(millis));
    }

    /** With a health check it runs only once that says so. */
    private static TaskReport started(String taskId, Container container) {
        return container.health().status() != Health.Status.STARTING ? running(taskId, container)
                : new TaskReport(taskId, TaskState.STARTING, "starting", "", -1, container.id(), container.pid());
    }

    private static TaskReport running(String taskId, Container container) {
        return new TaskReport(taskId, TaskState.RUNNING, "started", "", -1, container.id(), container.pid());
    }

    private TaskReport ended(String taskId, Container container, boolean wanted) {
        int code = container.exitCode().orElse(-1);
        if (wanted) {
            return new TaskReport(taskId, TaskState.SHUTDOWN, "shutdown", "", code, container.id(), 0);
        }
        if (unhealthy.contains(taskId)) {
            return new TaskReport(taskId, TaskState.FAILED, "started", "task: non-zero exit (" + code + "): unhealthy container", code,
                    container.id(), 0);
        }
        if (code == 0) {
            return new TaskReport(taskId, TaskState.COMPLETE, "finished", "", 0, container.id(), 0);
        }
        String error = container.oomKilled() ? "task: non-zero exit (" + code + "): out of memory"
                : code < 0 ? "task: exit code unknown: the container ended while no agent watched" : "task: non-zero exit (" + code + ")";
        return new TaskReport(taskId, TaskState.FAILED, "started", error, code, container.id(), 0);
    }

    private static TaskReport failure(Task task, TaskState state, String error) {
        return new TaskReport(task.id(), state, state == TaskState.REJECTED ? "preparing" : "starting", error, -1, "", 0);
    }

    /** {@code docker swarm leave}: kills and removes every task's container, as Docker does. Returns when all are gone. */
    public void removeAll() {
        for (Container container : runtime.list()) {
            String taskId = container.spec().labels().get(TASK_LABEL);
            if (taskId != null) {
                stopping.add(taskId);
                containerOfTask.put(taskId, container.id());
                enqueue(taskId, stoppers, () -> removeContainer(taskId, Duration.ZERO));
            }
        }
        CompletableFuture.allOf(queues.values().toArray(CompletableFuture[]::new)).join();
    }

    /** Lets running work end; leaves the containers alone. */
    @Override
    public void close() {
        starters.shutdown();
        stoppers.shutdownNow();
        try {
            if (!starters.awaitTermination(IDLE_SECONDS, TimeUnit.SECONDS)) {
                starters.shutdownNow();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
