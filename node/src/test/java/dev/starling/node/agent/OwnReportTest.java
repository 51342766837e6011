package dev.starling.node.agent;

import static dev.starling.node.agent.SwarmOfLoopbackNodes.until;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.Role;
import dev.starling.gossip.store.NodeStore;
import dev.starling.node.Sample;
import dev.starling.node.config.NodeConfig;
import dev.starling.node.host.AgentClock;
import dev.starling.node.host.HostFacts;
import dev.starling.node.image.WatchedImages;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(300)
class OwnReportTest {
    @TempDir
    Path directory;

    /** Pulls and looks at the machine end on threads of their own. What stands last in the record stays there until something changes again. */
    @Test
    void whatIsToldLastIsHowItIs() throws InterruptedException {
        BusyboxOnly images = new BusyboxOnly();
        ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor();
        Host host = new Host(NodeConfig.defaults("n1"), HostFacts.read(), "test", new AgentClock(), new ToldContainers(), new WatchedImages(images),
                new LoopbackNode.NoOverlay(), new LoopbackNode.NoBalancer(), List.of(), new LoopbackNode.NoEncryption(), null, null, timer);
        CountDownLatch inTheMidst = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        List<Set<String>> told = new CopyOnWriteArrayList<>();
        try (NodeStore store = NodeStore.open(directory);
                Storage storage = new Storage(store, () -> null, timer, () -> { }, Storage.PATIENCE_MILLIS);
                OwnReport report = new OwnReport(host, new Endpoint("192.0.2.1", 7946), Role.WORKER, storage, new Sample.Cluster()::snapshot, next -> {
                    if (inTheMidst.getCount() > 0) {
                        inTheMidst.countDown();
                        await(goOn);
                    }
                    told.add(next.images());
                })) {
            Thread first = new Thread(report::tellAnew, "first");
            first.start();
            inTheMidst.await();
            images.here = List.of();
            Thread second = new Thread(report::tellAnew, "second");
            second.start();
            until("the second has told, or waits for the first", () -> second.getState() == Thread.State.BLOCKED || !second.isAlive());
            goOn.countDown();
            first.join();
            second.join();
            assertEquals(Set.of(), told.get(1));
        } finally {
            timer.shutdownNow();
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
