package dev.starling.node.network;

import static dev.starling.node.Sample.N1;
import static dev.starling.node.Sample.N2;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.Bytes;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.FreePort;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.desired.Kind;
import dev.starling.netlink.Errno;
import dev.starling.netlink.NetlinkException;
import dev.starling.netlink.overlay.LocalEndpoint;
import dev.starling.netlink.overlay.Overlay;
import dev.starling.netlink.overlay.OverlayNetwork;
import dev.starling.netlink.overlay.RemoteEndpoint;
import dev.starling.node.Sample;
import dev.starling.node.agent.LoopbackNode;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.KeyAcknowledgement;
import dev.starling.node.core.TunnelReach;
import dev.starling.node.dns.DnsConfig;
import dev.starling.node.dns.DnsServer;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What becomes of a network after something about it has failed or changed, and of the thread that sees to it. */
@Timeout(300)
class OverlayRunnerTest {
    private static final String BACK = "netback";
    private static final String SUBNET = "127.45.3.0/24"; // its gateway is there without a device
    private static final Duration IDLE = Duration.ofSeconds(10);
    private static final Duration AT_ONCE = Duration.ofMillis(100);

    private final ToldOverlay overlay = new ToldOverlay();
    private final DnsServer dns = new DnsServer(
            new DnsConfig(FreePort.ofLoopback(), Duration.ofSeconds(2), List::of, Duration.ofSeconds(2), 1, 1, Duration.ofSeconds(10)));
    private final Underlay underlay = Underlay.open("192.0.2.1");
    private final LoopbackNode.NoEncryption noEncryption = new LoopbackNode.NoEncryption();
    private OverlayRunner runner = runner(IDLE);

    private OverlayRunner runner(Duration idle) {
        return new OverlayRunner(overlay, dns, new ServiceAddresses(new LoopbackNode.NoBalancer(), overlay, List.of("everything")),
                new NetworkEncryption(noEncryption, noEncryption.support(""), new Silence(), underlay, new NoPaths(), Duration.ofHours(1)), underlay,
                idle.toNanos());
    }

    @AfterEach
    void close() {
        runner.close();
        dns.close();
    }

    private static Sample.Cluster cluster(String gateway) {
        ObjectNode network = Sample.networkBody("back", SUBNET, 4097);
        ((ObjectNode) network.at("/Spec/IPAM/Config/0")).put("Gateway", gateway);
        return new Sample.Cluster().node(N1, "192.0.2.1", true).node(N2, "192.0.2.2", true).has(Kind.NETWORK, BACK, network);
    }

    /** A task of it here, and one elsewhere. */
    private static ClusterSnapshot inUse(String gateway) {
        return cluster(gateway).runs(web(1, N1, "127.45.3.2/24")).runs(web(2, N2, "127.45.3.3/24")).snapshot();
    }

    private static Task web(int index, NodeId node, String address) {
        return Sample.task("task" + index, Slot.replica("web", index), node, TaskState.RUNNING, Map.of(BACK, address));
    }

    private void await(BooleanSupplier condition, String what) throws InterruptedException {
        for (long end = System.nanoTime() + Duration.ofSeconds(60).toNanos(); !condition.getAsBoolean(); Thread.sleep(5)) {
            runner.reconsider(); // else it is some seconds to the next round
            assertTrue(System.nanoTime() < end, what + " did not come within 60 s");
        }
    }

    /** A call that came after another one. */
    private boolean called(String first, String then) {
        List<String> calls = List.copyOf(overlay.calls);
        int at = calls.indexOf(first);
        return at >= 0 && calls.subList(at, calls.size()).contains(then);
    }

    @Test
    void aBridgeWhoseGatewayHasMovedGetsItsNeighboursAnew() throws InterruptedException {
        runner.start();
        runner.update(inUse("127.45.3.1"));
        await(() -> called("ensure 127.45.3.1", "sync 127.45.3.3"), "the first sync");
        runner.update(inUse("127.45.3.9"));
        await(() -> called("ensure 127.45.3.9", "sync 127.45.3.3"), "a sync after the kernel has forgotten the bridge's neighbours");
    }

    @Test
    void aNetworkThatCouldNotBeRemovedIsMadeWholeWhenItIsNeededAgain() throws InterruptedException {
        runner = runner(AT_ONCE);
        runner.start();
        runner.update(inUse("127.45.3.1"));
        await(() -> called("ensure 127.45.3.1", "sync 127.45.3.3"), "the first sync");
        overlay.removable = false;
        runner.update(cluster("127.45.3.1").snapshot());
        await(() -> called("sync 127.45.3.3", "remove"), "a try to remove it");
        runner.update(inUse("127.45.3.1"));
        await(() -> called("remove", "ensure 127.45.3.1"), "what makes it whole");
        await(() -> called("remove", "sync 127.45.3.3"), "its tables");
    }

    @Test
    void aRoundThatFailsIsNotTheLast() throws InterruptedException {
        overlay.refusals = 1;
        runner.start();
        runner.update(inUse("127.45.3.1"));
        await(() -> called("refused", "ensure 127.45.3.1"), "a round after the one that failed");
        assertTrue(runner.failures() > 0);
    }

    @Test
    void nothingIsProgrammedAfterItsEnd() throws InterruptedException {
        CountDownLatch atWork = new CountDownLatch(1);
        CountDownLatch wentOn = new CountDownLatch(1);
        AtomicBoolean ended = new AtomicBoolean();
        AtomicBoolean endedBeforeTheRound = new AtomicBoolean();
        Thread end = new Thread(() -> {
            runner.close();
            ended.set(true);
        }, "end");
        overlay.whileAtWork = () -> {
            atWork.countDown();
            while (!ended.get() && end.getState() != Thread.State.TIMED_WAITING) { // it waits for this
                Thread.onSpinWait();
            }
            endedBeforeTheRound.set(ended.get());
            wentOn.countDown();
        };
        runner.start();
        runner.update(inUse("127.45.3.1"));
        assertTrue(atWork.await(60, TimeUnit.SECONDS));
        end.start();
        end.join();
        assertTrue(wentOn.await(60, TimeUnit.SECONDS));
        assertFalse(endedBeforeTheRound.get(), "it was over while a round was still at work");
    }

    @Test
    void portsAreNotTakenAfterTheEnd() {
        HeldPorts ports = new HeldPorts();
        ports.close();
        assertThrows(IllegalStateException.class, () -> ports.take("tcp/" + FreePort.ofLoopback()));
    }

    private static final class ToldOverlay implements Overlay {
        final List<String> calls = new CopyOnWriteArrayList<>();
        volatile boolean removable = true;
        volatile int refusals;
        volatile Runnable whileAtWork = () -> { };

        @Override
        public boolean hasIpv6() {
            if (refusals > 0) {
                refusals--;
                calls.add("refused");
                throw new NetlinkException("look for IPv6", Errno.EINVAL, "cannot be told");
            }
            return false;
        }

        @Override
        public void ensure(OverlayNetwork network, String vtep) {
            calls.add("ensure " + network.gateway());
            whileAtWork.run();
        }

        @Override
        public void sync(OverlayNetwork network, Collection<RemoteEndpoint> remotes) {
            remotes.forEach(remote -> calls.add("sync " + remote.address()));
        }

        @Override
        public void remove(String networkUid) {
            calls.add("remove");
            if (!removable) {
                throw new NetlinkException("link del", Errno.EAGAIN, "resource temporarily unavailable");
            }
        }

        @Override
        public SortedSet<String> present() {
            return new TreeSet<>();
        }

        @Override
        public String bridge(String networkUid) {
            return networkUid;
        }

        @Override
        public String deviceKey(String networkUid) {
            return networkUid;
        }

        @Override
        public void attach(OverlayNetwork network, LocalEndpoint endpoint, Path netns) {
            throw new AssertionError("not expected");
        }

        @Override
        public void loopbackUp(Path netns) {
            throw new AssertionError("not expected");
        }

        @Override
        public void detach(OverlayNetwork network, String endpointId) {
            throw new AssertionError("not expected");
        }

        @Override
        public void close() {}
    }

    /** Of a node that cannot encrypt. */
    private static final class NoPaths implements TunnelPaths {
        @Override
        public void follow(NodeId self, SortedMap<NodeId, PathFinder.Peer> peers) {
            throw new AssertionError("not expected");
        }

        @Override
        public SortedMap<NodeId, Endpoint> found() {
            throw new AssertionError("not expected");
        }

        @Override
        public Optional<Endpoint> seenAs() {
            throw new AssertionError("not expected");
        }
    }

    private static final class Silence implements NetworkEncryption.Announcements {
        @Override
        public void keys(List<Bytes> keys, List<String> ciphers, Optional<TunnelReach> reach) {
            throw new AssertionError("not expected");
        }

        @Override
        public void acknowledge(SortedMap<NodeId, KeyAcknowledgement> acknowledgements) {
            throw new AssertionError("not expected");
        }
    }
}
