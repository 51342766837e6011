package dev.starling.gossip.transport;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.GossipConfig;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.SampleObjects;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.trust.ClusterAuthority;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** 20 MB of state on their way to a peer behind a slow link, over real transports: probes go through all the while, and nobody doubts anybody. */
@Timeout(300)
class LargeStateTest {
    private static final int OBJECTS = 1_000;
    private static final int MEBIBYTE = 1 << 20;
    private final ClusterAuthority cluster = ClusterAuthority.create("k3x9");

    /** The first handshake of a process takes most of a second. */
    @BeforeEach
    void warmUp() throws Exception {
        try (TestPeer a = TestPeer.of(cluster); TestPeer b = TestPeer.of(cluster)) {
            a.transport.send(b.endpoint, new byte[SendWindow.PART_BYTES * 3]);
            b.nextMessage();
        }
    }

    /** 40 Mbit/s: all of it arrives, in four seconds. */
    @Test
    void allOfItArrives() throws Exception {
        send(5 * MEBIBYTE, objects(OBJECTS, 20_000), Duration.ofSeconds(90), OBJECTS, 2_000);
    }

    /** 1 Mbit/s: it would take three minutes; a probe takes no longer than a few parts do. */
    @Test
    void aProbeOvertakesItOnASlowLink() throws Exception {
        send(MEBIBYTE / 8, objects(OBJECTS, 20_000), Duration.ofSeconds(4), -1, 5_000);
    }

    /** A config of 1000 KiB in base64 is the largest thing that Docker's users have. */
    @Test
    void soItDoesWhereOneObjectIsLarge() throws Exception {
        send(MEBIBYTE / 2, objects(2, 1_400_000), Duration.ofSeconds(90), 2, 2_500);
    }

    private void send(int bytesPerSecond, List<DesiredObject> state, Duration atMost, int objects, long probeLimitMillis) throws Exception {
        OnABusyMachine.oneOfThreeIsGood(() -> sendOnce(bytesPerSecond, state, atMost, objects, probeLimitMillis));
    }

    private void sendOnce(int bytesPerSecond, List<DesiredObject> state, Duration atMost, int objects, long probeLimitMillis) throws Exception {
        Endpoint listen = TestPeer.freeEndpoint();
        Endpoint own = TestPeer.freeEndpoint();
        try (SlowCable cable = new SlowCable(listen, bytesPerSecond);
                GossipPeer holder = new GossipPeer(cluster, GossipConfig.lan(), listen, cable.endpoint(), state);
                GossipPeer joiner = new GossipPeer(cluster, GossipConfig.lan(), own, own, List.of())) {
            holder.start(List.of());
            joiner.start(List.of(cable.endpoint()));
            long begun = System.nanoTime();
            if (objects >= 0) {
                TestPeer.await("the whole state", atMost, () -> count(joiner) == objects);
            } else {
                TestPeer.await("some of it", () -> count(joiner) > 0);
                Thread.sleep(atMost.toMillis()); // there is nothing to wait for: the state is to be under way all the time
                assertTrue(count(joiner) < OBJECTS, count(joiner) + " objects");
            }
            List<Long> probes = new ArrayList<>(holder.probeMillis);
            joiner.probeMillis.stream().skip(1).forEach(probes::add); // the first made the connection
            Collections.sort(probes);
            assertTrue(probes.size() > 2, probes.toString());
            System.out.printf("%d objects of %d bytes at %d kB/s: %d there after %d ms; %d probes, median %d ms, max %d ms%n", state.size(),
                    state.get(0).body().size(), bytesPerSecond / 1024, count(joiner), (System.nanoTime() - begun) / 1_000_000, probes.size(),
                    probes.get(probes.size() / 2), probes.get(probes.size() - 1));
            assertEquals(List.of(), holder.doubts);
            assertEquals(List.of(), joiner.doubts);
            assertTrue(probes.get(probes.size() - 1) <= probeLimitMillis, probes.toString());
        }
    }

    private static int count(GossipPeer peer) {
        try {
            return peer.ask(gossip -> gossip.desired().live(Kind.SERVICE).size());
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static List<DesiredObject> objects(int count, int bytes) {
        Random random = new Random(1);
        List<DesiredObject> objects = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            StringBuilder body = new StringBuilder(bytes);
            while (body.length() < bytes) {
                body.append(Long.toString(random.nextLong(), 36));
            }
            objects.add(SampleObjects.service("uid%05d".formatted(i), 1, new NodeId("writer"), body.substring(0, bytes)));
        }
        return objects;
    }
}
