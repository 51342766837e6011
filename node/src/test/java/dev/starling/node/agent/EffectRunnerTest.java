package dev.starling.node.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.member.MemberStatus;
import dev.starling.gossip.message.Message;
import dev.starling.gossip.store.NodeStore;
import dev.starling.node.Sample;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.NodeEffect;
import dev.starling.node.task.PlainPreparation;
import dev.starling.node.task.TaskRunner;
import dev.starling.runtime.Container;
import dev.starling.runtime.ContainerFile;
import dev.starling.runtime.ContainerRuntime;
import dev.starling.runtime.ContainerSpec;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskReport;
import dev.starling.scheduler.model.TaskState;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The order in which effects reach the world, with a real store on disk and told-only containers. */
@Timeout(300)
class EffectRunnerTest {
    private static final Task TASK = Sample.task("task1", Slot.replica("web", 1), Sample.N1, TaskState.ASSIGNED, Map.of());
    private static final Task OTHER = Sample.task("task2", Slot.replica("web", 2), Sample.N1, TaskState.ASSIGNED, Map.of());
    private static final Bytes KEY = Bytes.utf8("key");
    private static final Bytes SIGNATURE = Bytes.utf8("signature");
    private static final NodeEffect CLAIM = new NodeEffect.PersistRecord("task/task1", Optional.of(Bytes.utf8("claimed")));

    private static final long TOO_LARGE = 13;

    @TempDir
    Path directory;
    private final BlockingQueue<String> events = new LinkedBlockingQueue<>();
    private final ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor();
    private NodeStore store;
    private Storage storage;
    private TaskRunner tasks;
    private EffectRunner runner;

    @BeforeEach
    void open() {
        store = NodeStore.open(directory);
        storage = new Storage(store, () -> {
            throw new IllegalStateException("nothing to fill it from");
        }, timer, () -> { }, Storage.PATIENCE_MILLIS);
        ClusterSnapshot snapshot = new Sample.Cluster().node(Sample.N1, "192.0.2.1", true)
                .has(Kind.SERVICE, "web", Sample.serviceBody("web", 1)).snapshot();
        tasks = new TaskRunner(new Containers(), new PlainPreparation(), () -> snapshot, this::reported);
        runner = new EffectRunner(new Ports(), storage, tasks);
    }

    @AfterEach
    void close() {
        tasks.close();
        storage.close();
        store.close();
        timer.shutdownNow();
    }

    private void reported(TaskReport report) {
        if (report.state() == TaskState.RUNNING) {
            events.add("running");
        } else if (report.state() == TaskState.SHUTDOWN) {
            events.add("SHUTDOWN");
        }
    }

    private String next() throws InterruptedException {
        String event = events.poll(90, TimeUnit.SECONDS);
        assertTrue(event != null, "nothing happened within 90 s");
        return event;
    }

    @Test
    void aClaimIsOnDiskBeforeItsContainerStarts() throws InterruptedException {
        CountDownLatch release = new CountDownLatch(1);
        storage.submit(new Storage.Batch(List.of(), Map.of(), null, Storage.Urgency.NOW, trouble -> await(release))); // a disk that takes its time
        runner.accept(List.of(CLAIM, new NodeEffect.StartTask(TASK)));
        tasks.start(OTHER);
        assertEquals("start task2, on disk: nothing", next(), "whatever was ready before this one would have started by now");
        assertEquals("running", next());
        release.countDown();
        assertEquals("start task1, on disk: claimed", next());
        assertEquals("running", next());
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void aStopDoesNotWaitForTheDiskAndEndsAStartThatDoes() throws InterruptedException {
        CountDownLatch release = new CountDownLatch(1);
        storage.submit(new Storage.Batch(List.of(), Map.of(), null, Storage.Urgency.NOW, trouble -> await(release)));
        runner.accept(List.of(CLAIM, new NodeEffect.StartTask(TASK)));
        runner.accept(List.of(new NodeEffect.StopTask(TASK, "the service was removed")));
        assertEquals("SHUTDOWN", next());
        release.countDown();
        settled();
        tasks.close();
        assertFalse(events.stream().anyMatch(event -> event.startsWith("start")), events.toString());
    }

    @Test
    void progressGathersUntilSomethingUrgentTakesItAlong() throws InterruptedException {
        runner.accept(List.of(new NodeEffect.PersistRecord("task/task1", Optional.of(Bytes.utf8("preparing")))));
        runner.accept(List.of(new NodeEffect.PersistRecord("task/task1", Optional.of(Bytes.utf8("running")))));
        assertEquals(Map.of(), store.loadRecord());
        settled();
        assertEquals(Map.of("task/task1", Bytes.utf8("running")), store.loadRecord());
        assertEquals(1, storage.transactions());
    }

    @Test
    void messagesDoNotWaitForTheDisk() throws InterruptedException {
        runner.accept(List.of(CLAIM, new NodeEffect.StartTask(TASK),
                new NodeEffect.Send(new Endpoint("192.0.2.2", 7946), new Message.Nack(7))));
        // sent before accept() returned, thus before anything the storage thread did
        assertTrue(events.contains("send 7"));
    }

    /** What follows it in the same go was drained from the core and would never come again. */
    @Test
    void anEffectThatFailsTakesNoOtherAlong() throws InterruptedException {
        runner.accept(List.of(new NodeEffect.Send(new Endpoint("192.0.2.2", 7946), new Message.Nack(TOO_LARGE)), CLAIM, new NodeEffect.StartTask(TASK)));
        assertEquals("start task1, on disk: claimed", next());
        assertEquals("running", next());
    }

    @Test
    void aNodeWithABrokenDiskRunsItsTasksButAcknowledgesNoWrite() throws InterruptedException {
        store.close();
        DesiredObject web = Sample.object(Kind.SERVICE, "web", 1_000, 1, false, "{}");
        runner.accept(List.of(new NodeEffect.PersistDesired(web), CLAIM, new NodeEffect.StartTask(TASK)));
        assertEquals("not stored web", next());
        assertEquals("start task1, on disk: nothing", next());
        assertEquals("running", next());
        assertTrue(storage.failures() > 0);
    }

    @Test
    void aWriteIsToldOfOnceItIsOnDisk() throws InterruptedException {
        DesiredObject web = Sample.object(Kind.SERVICE, "web", 1_000, 1, false, "{}");
        runner.accept(List.of(new NodeEffect.PersistDesired(web)));
        assertEquals("stored web, on disk: true", next());
    }

    @Test
    void aSuspicionCostsNoWriteAndANewAddressDoes() throws InterruptedException {
        Member alive = new Member(Sample.N2, new Endpoint("192.0.2.2", 7946), Role.MANAGER, 1, 0, MemberStatus.ALIVE, KEY, SIGNATURE);
        Member moved = new Member(Sample.N2, new Endpoint("192.0.2.7", 7946), Role.MANAGER, 2, 0, MemberStatus.ALIVE, KEY, SIGNATURE);
        runner.accept(List.of(new NodeEffect.MemberChanged(null, alive)));
        runner.accept(List.of(new NodeEffect.MemberChanged(alive, alive.with(MemberStatus.SUSPECT))));
        settled();
        assertEquals(List.of(alive), store.loadMembers());
        runner.accept(List.of(new NodeEffect.MemberChanged(alive, moved)));
        settled();
        assertEquals(List.of(moved), store.loadMembers());
        runner.accept(List.of(new NodeEffect.MemberChanged(moved, null)));
        settled();
        assertEquals(List.of(), store.loadMembers());
    }

    /** Batches are written in order: when a later one is done, so are those before it. */
    private void settled() throws InterruptedException {
        storage.submit(new Storage.Batch(List.of(), Map.of(), null, Storage.Urgency.NOW, trouble -> events.add("settled")));
        String event = next();
        while (!event.equals("settled")) {
            event = next();
        }
    }

    @Test
    void aTaskThatIsStoppedBeforeItsStartNeverRuns() throws InterruptedException {
        tasks.stop(TASK);
        runner.accept(List.of(new NodeEffect.StartTask(TASK)));
        settled();
        tasks.close();
        assertFalse(events.stream().anyMatch(event -> event.startsWith("start")), events.toString());
    }

    private final class Ports implements EffectRunner.Ports {
        @Override
        public void removed(NodeId node) {
            events.add("removed " + node);
        }

        @Override
        public void send(NodeEffect.Send send) {
            long sequence = ((Message.Nack) send.message()).sequence();
            if (sequence == TOO_LARGE) {
                throw new IllegalArgumentException("does not fit into a message");
            }
            events.add("send " + sequence);
        }

        @Override
        public void memberChanged(Member before, Member now) {
            events.add("member");
        }

        @Override
        public void promised(long number) {
            events.add("promised " + number);
        }

        @Override
        public void refused(NodeEffect.Refused refused) {
            throw new AssertionError("not expected");
        }

        @Override
        public void stored(DesiredObject object, String trouble) {
            events.add(trouble == null ? "stored " + object.uid() + ", on disk: " + store.loadDesired().contains(object) : "not stored " + object.uid());
        }

        @Override
        public void replicated(String uid, long generation, int copies) {
            throw new AssertionError("not expected");
        }
    }

    /** Looks at the disk at the moment of the start. */
    private final class Containers implements ContainerRuntime {
        @Override
        public Container start(ContainerSpec spec, List<ContainerFile> files, NetworkSetup network) {
            String found;
            try {
                Bytes claim = store.loadRecord().get("task/" + spec.id());
                found = claim == null ? "nothing" : claim.utf8();
            } catch (RuntimeException closed) {
                found = "nothing";
            }
            events.add("start " + spec.id() + ", on disk: " + found);
            return new Container(spec, Container.State.RUNNING, 1, Instant.EPOCH, null, OptionalInt.empty(), false);
        }

        @Override
        public void stop(String containerId, Duration grace) {
            throw new AssertionError("not expected");
        }

        @Override
        public void signal(String containerId, String signal) {
            throw new AssertionError("not expected");
        }

        @Override
        public void remove(String containerId) {
            throw new AssertionError("not expected");
        }

        @Override
        public List<Container> list() {
            return List.of();
        }

        @Override
        public Container inspect(String containerId) {
            return null;
        }

        @Override
        public Path logFile(String containerId) {
            throw new AssertionError("not expected");
        }

        @Override
        public void onExit(Consumer<Container> listener) {
            throw new AssertionError("not expected");
        }

        @Override
        public void close() {}
    }
}
