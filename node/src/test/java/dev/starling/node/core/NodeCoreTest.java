package dev.starling.node.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.Bytes;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.Gossip;
import dev.starling.gossip.GossipConfig;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Refusal;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.member.MemberStatus;
import dev.starling.gossip.sim.SimSigning;
import dev.starling.node.Sample;
import dev.starling.node.spec.DockerSpecReader;
import dev.starling.scheduler.Scheduler;
import dev.starling.scheduler.SchedulerConfig;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskReport;
import dev.starling.scheduler.model.TaskState;
import dev.starling.scheduler.model.Time;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;

/** The core with the product's own gossip and scheduler, on a clock and a wire that the test owns. */
class NodeCoreTest {
    private static final long EPOCH = 1_700_000_000_000L;
    private static final long STEP = 5;

    private final List<Host> hosts = new ArrayList<>();
    private final Deque<Runnable> wire = new ArrayDeque<>();
    private long now = 1_000;

    private Time time() {
        return new Time(now, EPOCH + now);
    }

    /** A node whose disk and containers do at once what they are told. */
    private final class Host {
        final NodeId id;
        final Role role;
        final Endpoint endpoint;
        final TreeMap<String, DesiredObject> disk = new TreeMap<>();
        final TreeMap<String, Bytes> record = new TreeMap<>();
        final TreeMap<NodeId, Member> members = new TreeMap<>();
        final List<NodeEffect> effects = new ArrayList<>();
        long boot;
        NodeCore core;
        boolean off;
        /** What its guard says of every object. */
        String refusal;
        /** How often it was asked: each time is the check of a signature. */
        int judged;

        Host(NodeId id, Role role, int number) {
            this.id = id;
            this.role = role;
            this.endpoint = new Endpoint("10.0.0." + number, 7946);
            hosts.add(this);
        }

        Host start(Collection<Endpoint> seeds) {
            Random random = new Random(id.hashCode());
            Member self = new Member(id, endpoint, role, ++boot, 0, MemberStatus.ALIVE);
            core = new NodeCore(id, role, NodeCore.Config.defaults(), new Gossip(GossipConfig.lan(), self, random, object -> guard(), new SimSigning(id)),
                    new Scheduler(id, SchedulerConfig.defaults(), random), new DockerSpecReader(), object -> object, random);
            core.restore(disk.values(), record, members.values());
            core.describe(Sample.report(id.value(), endpoint.host()), time());
            core.start(seeds, time());
            carryOut();
            return this;
        }

        private String guard() {
            judged++;
            return refusal;
        }

        void enrol(NodeId node) {
            core.create(Kind.NODE, node.value(), Sample.nodeBody("active"), time());
            carryOut();
        }

        Document service(String name, int replicas) {
            Document created = core.create(Kind.SERVICE, null, Sample.serviceBody(name, replicas), time());
            carryOut();
            return created;
        }

        void scale(Document service, int replicas) {
            core.update(service.uid(), service.object().generation(), Sample.serviceBody(service.name(), replicas), time());
            carryOut();
        }

        void carryOut() {
            for (NodeEffect effect : core.drain()) {
                effects.add(effect);
                if (effect instanceof NodeEffect.Send send) {
                    hosts.stream().filter(host -> host.endpoint.equals(send.to()) && !host.off).forEach(host -> wire.add(() -> {
                        host.core.receive(id, role, send.message(), time());
                        host.carryOut();
                    }));
                } else if (effect instanceof NodeEffect.PersistDesired persist) {
                    disk.put(persist.object().uid(), persist.object());
                    wire.add(() -> core.persisted(persist.object().uid(), persist.object().generation(), time()));
                } else if (effect instanceof NodeEffect.PersistRecord persist) {
                    persist.value().ifPresentOrElse(value -> record.put(persist.key(), value), () -> record.remove(persist.key()));
                } else if (effect instanceof NodeEffect.MemberChanged change && change.now() != null) {
                    members.put(change.now().id(), change.now());
                } else if (effect instanceof NodeEffect.StartTask start) {
                    wire.add(() -> core.report(report(start.task(), TaskState.RUNNING), time()));
                } else if (effect instanceof NodeEffect.StopTask stop) {
                    wire.add(() -> core.report(report(stop.task(), TaskState.SHUTDOWN), time()));
                }
            }
        }

        <E extends NodeEffect> List<E> seen(Class<E> type) {
            return effects.stream().filter(type::isInstance).map(type::cast).toList();
        }

        long running() {
            return core.view().tasks().getOrDefault(id, List.of()).stream().filter(task -> task.state() == TaskState.RUNNING).count();
        }
    }

    private static TaskReport report(Task task, TaskState state) {
        return new TaskReport(task.id(), state, "", "", -1, "c-" + task.id(), 1);
    }

    private void run(long millis) {
        for (long end = now + millis; now < end; now += STEP) {
            while (!wire.isEmpty()) {
                wire.poll().run();
            }
            for (Host host : hosts) {
                if (!host.off) {
                    host.core.tick(time());
                    host.core.settle(time());
                    host.carryOut();
                }
            }
        }
    }

    private void runUntil(BooleanSupplier condition, long atMostMillis) {
        for (long end = now + atMostMillis; !condition.getAsBoolean(); ) {
            assertTrue(now < end, "not so after " + atMostMillis + " ms of the cluster's time");
            run(STEP);
        }
    }

    private Host single() {
        Host host = new Host(Sample.N1, Role.MANAGER, 1).start(List.of());
        host.enrol(host.id);
        return host;
    }

    private Host[] pair() {
        Host first = single();
        Host second = new Host(Sample.N2, Role.MANAGER, 2).start(List.of(first.endpoint));
        first.enrol(second.id);
        runUntil(() -> second.core.view().nodes().size() == 2 && first.core.view().nodes().get(second.id).ready(), 10_000);
        run(NodeCore.Config.defaults().listenAfterPeer()); // until then the second one leaves all work to the first
        return new Host[] {first, second};
    }

    @Test
    void aLoneNodeStartsAServiceAtOnceAndClaimsBeforeItStarts() {
        Host host = single();
        host.service("web", 2);
        run(100);
        assertEquals(2, host.running());
        for (NodeEffect.StartTask start : host.seen(NodeEffect.StartTask.class)) {
            int claim = first(host, effect -> effect instanceof NodeEffect.PersistRecord put && put.key().equals("task/" + start.task().id()));
            assertTrue(claim >= 0 && claim < host.effects.indexOf(start), "the claim goes to disk before its start");
        }
    }

    private static int first(Host host, java.util.function.Predicate<NodeEffect> what) {
        for (int i = 0; i < host.effects.size(); i++) {
            if (what.test(host.effects.get(i))) {
                return i;
            }
        }
        return -1;
    }

    @Test
    void aNodeWithSeedsListensFirstAndGoesAloneWithNobodyInReach() {
        Host host = single();
        host.service("web", 1);
        run(100);
        host.start(List.of(new Endpoint("10.0.0.99", 7946))); // the same disk, another boot; its container is gone
        Task old = host.core.activeTasks().get(0);
        host.core.report(report(old, TaskState.FAILED), time());
        host.effects.clear();
        run(4_900);
        assertEquals(List.of(), host.seen(NodeEffect.StartTask.class));
        runUntil(() -> !host.seen(NodeEffect.StartTask.class).isEmpty(), 8_000);
    }

    @Test
    void aPeerThatAnswersShortensTheListening() {
        Host[] hosts = pair();
        hosts[1].start(List.of(hosts[0].endpoint));
        hosts[1].effects.clear();
        long restarted = now;
        ObjectNode body = Sample.serviceBody("web", 1); // only the listening node may take it
        body.withObject("/Spec/TaskTemplate/Placement").putArray("Constraints").add("node.id==" + hosts[1].id);
        hosts[0].core.create(Kind.SERVICE, null, body, time());
        hosts[0].carryOut();
        runUntil(() -> !hosts[1].seen(NodeEffect.StartTask.class).isEmpty(), 5_000 - 500);
        assertTrue(now - restarted >= NodeCore.Config.defaults().listenAfterPeer(), "it listened for " + (now - restarted) + " ms");
    }

    @Test
    void twoNodesShareAServiceWithoutBeingTold() {
        Host[] hosts = pair();
        hosts[1].service("web", 6);
        runUntil(() -> hosts[0].running() == 3 && hosts[1].running() == 3, 5_000);
        run(5_000);
        assertEquals(6, hosts[0].seen(NodeEffect.StartTask.class).size() + hosts[1].seen(NodeEffect.StartTask.class).size(), "each slot once");
        assertEquals(hosts[0].core.view().tasks(), hosts[1].core.view().tasks());
    }

    @Test
    void aWriteIsToldOfAsItReachesDisks() {
        Host[] hosts = pair();
        Document web = hosts[0].service("web", 0);
        runUntil(() -> hosts[0].seen(NodeEffect.Replicated.class).stream().anyMatch(copy -> copy.uid().equals(web.uid()) && copy.copies() == 2), 2_000);
    }

    @Test
    void aBurstOfChangesCostsFewPlans() {
        Host host = single();
        run(100);
        Document a = host.service("a", 0);
        Document b = host.service("b", 0);
        run(1_000); // new services wait for others that come with them; here it is about plans
        host.scale(a, 1);
        host.core.settle(time());
        host.carryOut();
        assertEquals(1, host.seen(NodeEffect.StartTask.class).size(), "a lone change does not wait");
        host.scale(b, 1);
        host.core.settle(time());
        host.carryOut();
        assertEquals(1, host.seen(NodeEffect.StartTask.class).size(), "the next one waits for the interval");
        assertTrue(host.core.nextTick() <= now + NodeCore.Config.defaults().planInterval());
        now += NodeCore.Config.defaults().planInterval();
        host.core.settle(time());
        host.carryOut();
        assertEquals(2, host.seen(NodeEffect.StartTask.class).size());
    }

    @Test
    void writesAreRefusedWithTheirReason() {
        Host host = single();
        Document web = host.service("web", 0);
        assertEquals(WriteRefusedException.Reason.NAME_IN_USE, reason(() -> host.service("web", 1)));
        assertEquals(WriteRefusedException.Reason.OUT_OF_SEQUENCE,
                reason(() -> host.core.update(web.uid(), web.object().generation() + 1, web.body(), time())));
        assertEquals(WriteRefusedException.Reason.NOT_FOUND, reason(() -> host.core.delete("nosuch", time())));
        host.core.delete(web.uid(), time());
        assertEquals(WriteRefusedException.Reason.NOT_FOUND, reason(() -> host.core.update(web.uid(), 2, web.body(), time())));
        host.service("web", 0); // a deleted service's name is free again

        Host worker = new Host(Sample.N2, Role.WORKER, 2).start(List.of());
        assertEquals(WriteRefusedException.Reason.NOT_A_MANAGER, reason(() -> worker.service("web", 1)));
    }

    /** Its document says worker, its certificate still says manager: what the others would refuse is not written, and takes nothing of the plan with it. */
    @Test
    void aDemotedManagerWritesNothingMoreAndGoesOnWithItsTasks() {
        Host host = single();
        ObjectNode body = Sample.serviceBody("web", 3);
        body.withObject("/Spec/Labels").put("starling.autoscale.cpu", "50").put("starling.autoscale.max", "2");
        host.judged = 0;
        host.core.create(Kind.SERVICE, null, body, time());
        assertEquals(1, host.judged);
        host.refusal = "was written after node n1 was demoted";
        run(500);
        assertEquals(2, host.judged, "it would have made them two");
        assertEquals(3, host.running());
        assertEquals(WriteRefusedException.Reason.NOT_A_MANAGER, reason(() -> host.service("other", 1)));
        assertEquals(3, host.judged);
    }

    private static WriteRefusedException.Reason reason(org.junit.jupiter.api.function.Executable write) {
        return assertThrows(WriteRefusedException.class, write).reason();
    }

    @Test
    void aRestartedNodeKnowsItsTasks() {
        Host host = single();
        host.service("web", 3);
        run(100);
        List<String> before = host.core.activeTasks().stream().map(Task::id).toList();
        host.start(List.of());
        assertEquals(before, host.core.activeTasks().stream().map(Task::id).toList());
        host.core.activeTasks().forEach(task -> host.core.report(report(task, TaskState.RUNNING), time()));
        host.effects.clear();
        run(500);
        assertEquals(List.of(), host.seen(NodeEffect.StartTask.class), "what runs is adopted, not started again");
    }

    @Test
    void theNodeThatIsLeftTakesOver() {
        Host[] hosts = pair();
        hosts[0].service("web", 4);
        runUntil(() -> hosts[0].running() == 2 && hosts[1].running() == 2, 5_000);
        hosts[1].off = true;
        runUntil(() -> hosts[0].running() == 4, 20_000);
    }

    @Test
    void aRemovedNodeIsNotHeard() {
        Host[] hosts = pair();
        hosts[0].core.delete(hosts[1].id.value(), time());
        hosts[0].carryOut();
        run(100);
        hosts[0].effects.clear();
        hosts[0].core.receive(hosts[1].id, Role.MANAGER, new dev.starling.gossip.message.Message.Ping(9, null, null), time());
        hosts[0].carryOut();
        assertEquals(List.of(new NodeEffect.Refused(hosts[1].id, Refusal.REMOVED_NODE, "")), hosts[0].effects);
        assertFalse(hosts[0].core.view().nodes().containsKey(hosts[1].id));
    }

    @Test
    void aForeignClockFarAheadDoesNotMoveOnesOwn() {
        Host[] hosts = pair();
        long hour = 3_600_000;
        hosts[1].core.create(Kind.SERVICE, null, Sample.serviceBody("late", 0), new Time(now, EPOCH + now + hour));
        hosts[1].carryOut();
        runUntil(() -> hosts[0].core.view().services().size() == 1, 2_000);
        long written = hosts[0].service("web", 0).object().time().wallMillis();
        assertTrue(written < EPOCH + now + hour / 2, "written " + (written - EPOCH - now) + " ms ahead");
    }

    @Test
    void theSnapshotIsTheSameObjectUntilSomethingChanges() {
        Host host = single();
        run(100);
        ClusterSnapshot before = host.core.snapshot();
        run(2_000);
        assertSame(before, host.core.snapshot());
    }
}
