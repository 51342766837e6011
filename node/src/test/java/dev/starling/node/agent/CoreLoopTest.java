package dev.starling.node.agent;

import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.Gossip;
import dev.starling.gossip.GossipConfig;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.member.MemberStatus;
import dev.starling.gossip.sim.SimSigning;
import dev.starling.node.Sample;
import dev.starling.node.core.Document;
import dev.starling.node.core.NodeCore;
import dev.starling.node.core.NodeEffect;
import dev.starling.node.host.AgentClock;
import dev.starling.node.spec.DockerSpecReader;
import dev.starling.scheduler.Scheduler;
import dev.starling.scheduler.SchedulerConfig;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

class CoreLoopTest {
    private static final NodeId SELF = new NodeId("aaaaaaaaaaaaaaaaaaaaaaaaa");

    /** A start that is carried out at once looks its service up in the snapshot. */
    @Test
    void effectsFindTheStateThatTheyComeFrom() throws Exception {
        CompletableFuture<Document> found = new CompletableFuture<>();
        CompletableFuture<Boolean> started = new CompletableFuture<>();
        AtomicReference<CoreLoop> loop = new AtomicReference<>();
        AgentClock clock = new AgentClock();
        try (CoreLoop running = new CoreLoop(core(clock), clock, effects -> effects.forEach(effect -> {
            if (effect instanceof NodeEffect.PersistDesired persist) {
                loop.get().tell((node, now) -> node.persisted(persist.object().uid(), persist.object().generation(), now));
            } else if (effect instanceof NodeEffect.StartTask start) {
                found.complete(loop.get().snapshot().document(Kind.SERVICE, start.task().slot().serviceUid()));
                started.complete(true);
            }
        }))) {
            loop.set(running);
            running.start();
            running.ask((node, now) -> node.create(Kind.SERVICE, null, Sample.serviceBody("web", 1), now)).get(90, TimeUnit.SECONDS);
            assertTrue(started.get(90, TimeUnit.SECONDS));
            assertNotNull(found.get());
        }
    }

    /** A session that ends, to go on in another role perhaps, has questions in its queue; behind each an operator waits. */
    @Test
    void whatIsStillUnansweredAtTheEndFails() {
        AgentClock clock = new AgentClock();
        CompletableFuture<Integer> answer;
        try (CoreLoop loop = new CoreLoop(core(clock), clock, effects -> { })) {
            answer = loop.ask((node, now) -> 1); // it has not begun to run, so the question waits
        }
        ExecutionException failure = assertThrows(ExecutionException.class, () -> answer.get(10, TimeUnit.SECONDS));
        assertInstanceOf(RejectedExecutionException.class, failure.getCause());
    }

    private static NodeCore core(AgentClock clock) {
        Random random = new Random(1);
        Member self = new Member(SELF, new Endpoint("127.0.0.1", 7946), Role.MANAGER, 1, 0, MemberStatus.ALIVE);
        NodeCore.Config plansAtOnce = new NodeCore.Config(5_000, 700, 0, 300_000); // the start comes in the same round as the write
        NodeCore core = new NodeCore(SELF, Role.MANAGER, plansAtOnce, new Gossip(GossipConfig.lan(), self, random, object -> null, new SimSigning(SELF)),
                new Scheduler(SELF, SchedulerConfig.defaults(), random), new DockerSpecReader(), object -> object, random);
        core.describe(Sample.report(SELF.value(), "127.0.0.1"), clock.now());
        core.start(List.of(), clock.now());
        core.create(Kind.NODE, SELF.value(), Sample.nodeBody("active"), clock.now());
        return core;
    }
}
