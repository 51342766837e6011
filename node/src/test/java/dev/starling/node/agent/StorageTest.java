package dev.starling.node.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.store.NodeStore;
import dev.starling.node.Sample;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Disks that are full, slow, lost or broken, under the real store. */
@Timeout(300)
class StorageTest {
    /** Longer than any disk that works takes on a busy machine. */
    private static final long PATIENCE_MILLIS = 60_000;
    private static final long LITTLE_PATIENCE_MILLIS = 2_500;
    private static final DesiredObject WEB = Sample.object(Kind.SERVICE, "web", 1_000, 1, false, "{}");
    private static final DesiredObject DATABASE = Sample.object(Kind.SERVICE, "database", 1_000, 1, false, "{}");

    @TempDir
    Path directory;
    private final ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor();
    private final BlockingQueue<String> events = new LinkedBlockingQueue<>();
    private final CountDownLatch release = new CountDownLatch(1);
    private NodeStore store;
    private Storage storage;

    @BeforeEach
    void open() {
        open(NodeStore.DEFAULT_MAX_BYTES, PATIENCE_MILLIS);
    }

    private void open(long maxBytes, long patienceMillis) {
        store = NodeStore.open(directory, maxBytes);
        storage = new Storage(store, StorageTest::everything, timer, () -> events.add("trouble: " + storage.trouble()), patienceMillis);
    }

    private void openAnew(long maxBytes, long patienceMillis) {
        storage.close();
        store.close();
        open(maxBytes, patienceMillis);
    }

    @AfterEach
    void close() {
        release.countDown();
        storage.close();
        store.close();
        timer.shutdownNow();
    }

    /** What the core of this test knows. */
    private static Storage.Batch everything() {
        return new Storage.Batch(List.of(DATABASE, WEB), Map.of("node", Optional.of(Bytes.utf8("n1"))), List.of(), Storage.Urgency.NOW, null);
    }

    private void submit(String name, List<DesiredObject> desired, Storage.Urgency urgency) {
        storage.submit(new Storage.Batch(desired, Map.of(), null, urgency, trouble -> events.add(name + (trouble == null ? " is done" : ": " + trouble))));
    }

    private String next() throws InterruptedException {
        String event = events.poll(90, TimeUnit.SECONDS);
        assertTrue(event != null, "nothing happened within 90 s");
        return event;
    }

    private static void until(String what, BooleanSupplier condition) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(90);
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < end, what);
            Thread.sleep(5);
        }
    }

    /** A disk that answers no call until {@link #release}: whoever holds the store's monitor holds up each call to it. */
    private void hang() throws InterruptedException {
        CountDownLatch hangs = new CountDownLatch(1);
        new Thread(() -> {
            synchronized (store) {
                hangs.countDown();
                try {
                    release.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
        }, "a disk that hangs").start();
        hangs.await();
    }

    @Test
    void aDiskThatHangsHoldsUpNobodyForLong() throws InterruptedException {
        openAnew(NodeStore.DEFAULT_MAX_BYTES, LITTLE_PATIENCE_MILLIS);
        hang();
        submit("web", List.of(WEB), Storage.Urgency.NOW);
        String trouble = next();
        assertTrue(trouble.startsWith("trouble: ") && trouble.contains(directory.toString()) && trouble.contains("slow or hangs"), trouble);
        assertTrue(next().startsWith("web: "), "it is told that it is not kept");
        submit("what may come later", List.of(), Storage.Urgency.LATER);
        assertEquals("what may come later is done", next());
        release.countDown();
        assertEquals("trouble: null", next());
        assertEquals(List.of(WEB), store.loadDesired(), "kept all the same, once it could be");
        assertEquals(0, storage.unsaved());
    }

    @Test
    void whatGathersIsTheStateAndNotItsHistory() throws InterruptedException {
        hang();
        submit("first", List.of(WEB), Storage.Urgency.NOW);
        for (int i = 0; i < 50_000; i++) {
            storage.submit(new Storage.Batch(List.of(), Map.of("task/" + i % 10, Optional.of(Bytes.utf8("" + i))), null, Storage.Urgency.LATER, null));
        }
        assertTrue(storage.unsaved() <= 2 * 11, storage.unsaved() + " values wait, with those that are being written");
        release.countDown();
        submit("last", List.of(DATABASE), Storage.Urgency.NOW);
        until("all is on disk", () -> storage.unsaved() == 0);
        assertEquals(Bytes.utf8("49999"), store.loadRecord().get("task/9"));
        assertTrue(storage.transactions() <= 3, storage.transactions() + " transactions");
    }

    @Test
    void whatIsNotUrgentKeepsItsPlaceBehindWhatIs() throws InterruptedException {
        hang();
        submit("start", List.of(WEB), Storage.Urgency.NOW);
        submit("remove", List.of(), Storage.Urgency.LATER);
        release.countDown();
        assertEquals("start is done", next());
        assertEquals("remove is done", next());
    }

    @Test
    void aDatabaseThatSomebodyRemovesIsWrittenAnew() throws Exception {
        submit("web", List.of(WEB), Storage.Urgency.NOW);
        assertEquals("web is done", next());
        for (String name : List.of("state.db", "state.db-wal", "boot")) {
            Files.deleteIfExists(directory.resolve(name));
        }
        submit("database", List.of(DATABASE), Storage.Urgency.NOW);
        assertEquals("database is done", next());
        openAnew(NodeStore.DEFAULT_MAX_BYTES, PATIENCE_MILLIS);
        assertEquals(List.of(DATABASE, WEB), store.loadDesired(), "with what had been there before");
        assertEquals(Map.of("node", Bytes.utf8("n1")), store.loadRecord());
    }

    @Test
    void aStoreThatFailsIsOpenedAnewAndFilled() throws InterruptedException {
        store.close(); // any use is an SQLException now, as with an I/O error
        submit("web", List.of(WEB), Storage.Urgency.NOW);
        assertEquals("web is done", next());
        assertEquals(1, storage.failures());
        assertNull(storage.trouble());
        assertEquals(List.of(DATABASE, WEB), store.loadDesired());
    }

    @Test
    void aFullDiskSaysSoAndIsCaughtUpWithOnceThereIsRoom() throws InterruptedException {
        openAnew(256 * 1024, PATIENCE_MILLIS);
        submit("large", List.of(Sample.object(Kind.SERVICE, "large", 1_000, 1, false, "x".repeat(1 << 20))), Storage.Urgency.NOW);
        String trouble = next();
        assertTrue(trouble.contains("state.db") && trouble.contains("no space is left") && trouble.contains("make room"), trouble);
        assertTrue(next().startsWith("large: "));
        submit("web", List.of(WEB), Storage.Urgency.NOW);
        assertTrue(next().startsWith("web: "), "nor is there room for it together with the large one");
        DesiredObject removed = Sample.object(Kind.SERVICE, "large", 1_000, 2, true, "");
        submit("rm large", List.of(removed), Storage.Urgency.NOW);
        assertEquals("trouble: null", next());
        assertEquals("rm large is done", next());
        assertEquals(List.of(removed, WEB), store.loadDesired(), "what was not stored is stored");
    }

    /** Who is told puts a report together, and part of it is on the very disk that is in trouble. */
    @Test
    void whoCannotTakeNoteOfATroubleEndsNoWrite() throws InterruptedException {
        storage.close();
        store.close();
        store = NodeStore.open(directory, 256 * 1024);
        storage = new Storage(store, StorageTest::everything, timer, () -> {
            throw new IllegalStateException("the images cannot be listed");
        }, PATIENCE_MILLIS);
        submit("large", List.of(Sample.object(Kind.SERVICE, "large", 1_000, 1, false, "x".repeat(1 << 20))), Storage.Urgency.NOW);
        assertTrue(next().startsWith("large: "));
        submit("rm large", List.of(Sample.object(Kind.SERVICE, "large", 1_000, 2, true, "")), Storage.Urgency.NOW);
        assertEquals("rm large is done", next());
        assertNull(storage.trouble());
    }

    @Test
    void closingWritesWhatGathered() {
        submit("web", List.of(WEB), Storage.Urgency.LATER);
        storage.close();
        assertEquals(List.of(WEB), store.loadDesired());
    }
}
