package dev.starling.node.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.Bytes;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.Gossip;
import dev.starling.gossip.GossipConfig;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.codec.MessageCodec;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.desired.HybridTime;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.member.MemberStatus;
import dev.starling.gossip.message.Message;
import dev.starling.gossip.sim.SimSigning;
import dev.starling.gossip.store.NodeStore;
import dev.starling.node.Sample;
import dev.starling.node.spec.DockerSpecReader;
import dev.starling.scheduler.Scheduler;
import dev.starling.scheduler.SchedulerConfig;
import dev.starling.scheduler.model.Time;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A node of this release between two of a later one, which has one more kind of object and another key in its records: both get through it, by
 * push and by digest, over its disk too, and it counts them and looks into neither.
 */
class LaterReleaseTest {
    private static final int LATER_KIND = Kind.MAX_CODE;
    private static final Bytes LATER_BODY = Bytes.wrap(new byte[] {1, 2, 3, (byte) 0xff});

    @TempDir
    Path directory;
    private final MessageCodec codec = new MessageCodec(GossipConfig.lan().maxMessageBytes());
    private final Queue<Runnable> wire = new ArrayDeque<>();
    private final TreeMap<Endpoint, NodeCore> byEndpoint = new TreeMap<>();
    private final TreeMap<NodeId, Gossip> gossips = new TreeMap<>();
    private final Set<NodeId> silent = new TreeSet<>();
    private final NodeCore old = core(Sample.N1, 1);
    private final NodeCore later = core(Sample.N2, 2);
    private long now = 1_000;
    private NodeStore store;

    @BeforeEach
    void begin() {
        store = NodeStore.open(directory);
    }

    @Test
    void itKeepsPassesOnAndCountsWhatItDoesNotKnow() {
        old.start(List.of(), time());
        later.start(List.of(endpoint(1)), time());
        run(2_000);
        long before = old.unfamiliarValues();
        gossipOf(Sample.N2).write(laterObject(), now);
        gossipOf(Sample.N2).put("heat/cpu", Bytes.utf8("61"), now);
        run(2_000);
        assertEquals(2, old.unfamiliarValues() - before, "one object, one key");
        assertEquals(0, old.malformedValues());
        assertEquals(List.of(), old.documents(Kind.UNFAMILIAR));
        assertEquals(laterObject(), store.loadDesired().stream().filter(object -> object.uid().equals("later")).findFirst().orElseThrow(),
                "it is on the disk of the older node");
        NodeCore third = core(Sample.N3, 3);
        silence(Sample.N2);
        third.start(List.of(endpoint(1)), time());
        run(5_000);
        assertEquals(laterObject(), gossipOf(Sample.N3).desired().get("later"), "the older node has passed it on");
        assertEquals(Bytes.utf8("61"), gossipOf(Sample.N3).records().of(Sample.N2).get("heat/cpu"));
    }

    /** The disk of a node that went back to this release. */
    @Test
    void itStartsFromTheDiskOfALaterRelease() {
        store.saveDesired(List.of(laterObject()));
        store.saveRecord(Map.of("heat/cpu", Optional.of(Bytes.utf8("61"))));
        NodeCore back = core(Sample.N3, 3);
        back.restore(store.loadDesired(), new TreeMap<>(store.loadRecord()), List.of());
        back.start(List.of(), time());
        assertEquals(laterObject(), gossipOf(Sample.N3).desired().get("later"));
        assertEquals(Bytes.utf8("61"), back.ownRecord().get("heat/cpu"));
        assertNull(back.snapshot().document(Kind.UNFAMILIAR, "later"));
    }

    /** Fields that it does not know survive what it changes itself. */
    @Test
    void fieldsOfDocumentsSurviveAnUpdateHere() {
        old.start(List.of(), time());
        ObjectNode body = Sample.serviceBody("web", 2);
        body.put("LaterPart", 1).withObject("/Spec/TaskTemplate").put("Oomph", "much");
        Document web = old.create(Kind.SERVICE, null, body, time());
        ObjectNode changed = web.body().deepCopy();
        changed.withObject("/Spec/Mode/Replicated").put("Replicas", 3);
        Document after = old.update(web.uid(), 1, changed, time());
        assertEquals("much", after.spec().path("TaskTemplate").path("Oomph").asText());
        assertEquals(1, after.body().path("LaterPart").asInt());
    }

    private Gossip gossipOf(NodeId id) {
        return gossips.get(id);
    }

    private void silence(NodeId id) {
        silent.add(id);
    }

    private static DesiredObject laterObject() {
        HybridTime time = HybridTime.of(5_000, 0);
        return new DesiredObject(LATER_KIND, "later", time, 1, time, Sample.N2, false, LATER_BODY, Bytes.utf8("signature"), Bytes.utf8("certificate"));
    }

    private static Endpoint endpoint(int number) {
        return new Endpoint("10.0.0." + number, 7946);
    }

    private NodeCore core(NodeId id, int number) {
        Member self = new Member(id, endpoint(number), Role.MANAGER, 1, 0, MemberStatus.ALIVE);
        Gossip gossip = new Gossip(GossipConfig.lan(), self, new Random(number), object -> null, new SimSigning(id));
        NodeCore core = new NodeCore(id, Role.MANAGER, NodeCore.Config.defaults(), gossip, new Scheduler(id, SchedulerConfig.defaults(), new Random(1)),
                new DockerSpecReader(), object -> object, new Random(number));
        gossips.put(id, gossip);
        byEndpoint.put(endpoint(number), core);
        return core;
    }

    private Time time() {
        return new Time(now, 1_767_225_600_000L + now);
    }

    private void run(long millis) {
        for (long end = now + millis; now < end; now += 10) {
            for (NodeCore core : byEndpoint.values()) {
                core.tick(time());
                carryOut(core);
            }
            for (Runnable delivery = wire.poll(); delivery != null; delivery = wire.poll()) {
                delivery.run();
            }
        }
        assertTrue(wire.size() < 1_000);
    }

    private void carryOut(NodeCore core) {
        for (NodeEffect effect : core.drain()) {
            if (effect instanceof NodeEffect.Send send && !silent.contains(core.self())) {
                byte[] bytes = codec.encode(send.message());
                NodeCore to = byEndpoint.get(send.to());
                if (to != null && !silent.contains(to.self())) {
                    wire.add(() -> {
                        Message message = codec.decode(bytes);
                        to.receive(core.self(), Role.MANAGER, message, time());
                        carryOut(to);
                    });
                }
            } else if (effect instanceof NodeEffect.PersistDesired persist && core == old) {
                store.saveDesired(List.of(persist.object()));
            }
        }
    }
}
