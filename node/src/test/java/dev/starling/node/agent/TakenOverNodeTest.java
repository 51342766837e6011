package dev.starling.node.agent;

import static dev.starling.node.agent.SwarmOfLoopbackNodes.until;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.Bytes;
import dev.starling.gossip.GossipConfig;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.codec.MessageCodec;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.desired.HybridTime;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.member.Forgotten;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.member.MemberStatus;
import dev.starling.gossip.member.Suspected;
import dev.starling.gossip.message.Changes;
import dev.starling.gossip.message.Message;
import dev.starling.gossip.record.RecordDelta;
import dev.starling.gossip.record.RecordEntry;
import dev.starling.gossip.trust.DesiredSigner;
import dev.starling.gossip.trust.NodeCredentials;
import dev.starling.gossip.trust.NodeKey;
import dev.starling.gossip.trust.NodeSigner;
import dev.starling.node.Sample;
import dev.starling.node.core.Document;
import dev.starling.node.core.NodeReport;
import dev.starling.node.core.RecordBytes;
import dev.starling.node.swarm.CertificateDesk;
import dev.starling.node.swarm.CertificateRequest;
import dev.starling.node.swarm.EnrolledWriters;
import dev.starling.node.swarm.IssuedCertificate;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import io.vertx.core.Vertx;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a member that was taken over tries over its own good connection, and that the cluster goes on as if nothing was. */
@Timeout(300)
class TakenOverNodeTest {
    @TempDir
    Path directory;
    private final Vertx vertx = Vertx.vertx();
    private LoopbackNode manager;
    private LoopbackNode evil;

    @BeforeEach
    void open() throws Exception {
        manager = new LoopbackNode(directory.resolve("m1"), vertx);
        evil = new LoopbackNode(directory.resolve("e1"), vertx);
        manager.init();
    }

    @AfterEach
    void close() throws Exception {
        evil.close();
        manager.close();
        vertx.close().toCompletionStage().toCompletableFuture().get(90, TimeUnit.SECONDS);
    }

    private void joinAs(Role role) throws Exception {
        evil.join(manager, role);
        until(() -> isUp(manager, evil) && isUp(evil, manager) && manager.swarm.snapshot().reports().containsKey(evilId()));
    }

    private static boolean isUp(LoopbackNode at, LoopbackNode node) {
        Member member = at.swarm.snapshot().members().get(node.swarm.session().self());
        return member != null && member.status().isUp();
    }

    private NodeId evilId() {
        return evil.swarm.session().self();
    }

    private void send(List<RecordDelta> records, DesiredObject... objects) {
        send(new Changes(List.of(), List.of(), List.of(), records, List.of(objects)));
    }

    private void send(Changes changes) {
        Message push = new Message.Push(true, changes);
        evil.swarm.session().transport().send(manager.gossip, new MessageCodec(GossipConfig.local().maxMessageBytes()).encode(push));
    }

    private static DesiredObject service(NodeCredentials writer, String uid, long generation, long wallMillis) {
        HybridTime time = HybridTime.of(wallMillis, 0);
        return new DesiredSigner(writer).sign(new DesiredObject(Kind.SERVICE, uid, time, generation, time, writer.nodeId(), false,
                Bytes.utf8(Sample.serviceBody(uid, 0).toString()), Bytes.EMPTY, Bytes.EMPTY));
    }

    private Document atManager(String uid) {
        return manager.swarm.snapshot().document(Kind.SERVICE, uid);
    }

    private void stillWorks() throws Exception {
        assertNotNull(manager.swarm.create(Kind.SERVICE, Sample.serviceBody("fine", 0)).toCompletableFuture().get(90, TimeUnit.SECONDS));
    }

    @Test
    void aWorkersDesiredStateIsRefusedAndCounted() throws Exception {
        joinAs(Role.WORKER);
        assertEquals(0, manager.metric("starling.desired.refused"));
        DesiredObject own = service(evil.swarm.session().credentials(), "evil", 1, System.currentTimeMillis());
        Document good = manager.swarm.create(Kind.SERVICE, Sample.serviceBody("web", 0)).toCompletableFuture().get(90, TimeUnit.SECONDS);
        DesiredObject o = good.object();
        DesiredObject changed = new DesiredObject(o.kind(), o.uid(), o.created(), o.generation() + 1, o.time(), o.writer(), false,
                Bytes.utf8(Sample.serviceBody("web", 100).toString()), o.signature(), o.certificate());
        DesiredObject deleted = new DesiredObject(o.kind(), o.uid(), o.created(), o.generation() + 1, o.time(), o.writer(), true, Bytes.EMPTY,
                o.signature(), o.certificate());
        send(List.of(), own, changed, deleted);
        until(() -> manager.metric("starling.desired.refused") >= 3);
        assertNull(atManager("evil"));
        assertEquals(good.object(), atManager(o.uid()).object());
        stillWorks();
    }

    @Test
    void aDemotedManagersOldCertificateWritesNothingMore() throws Exception {
        joinAs(Role.MANAGER);
        NodeCredentials old = evil.swarm.session().credentials();
        Document document = manager.swarm.snapshot().document(Kind.NODE, evilId().value());
        ObjectNode body = document.body().deepCopy();
        body.withObject("/Spec").put("Role", "worker");
        long demoted = manager.swarm.update(document.uid(), document.object().generation(), body).toCompletableFuture().get(90, TimeUnit.SECONDS)
                .object().time().wallMillis();
        until(() -> evil.swarm.session().role() == Role.WORKER && isUp(evil, manager) && isUp(manager, evil));
        long grace = EnrolledWriters.GRACE.toMillis();
        send(List.of(), service(old, "late", 1, demoted + grace + 1), service(old, "intime", 1, demoted + grace));
        until(() -> atManager("intime") != null);
        assertNull(atManager("late"));
        assertTrue(manager.metric("starling.desired.refused") >= 1);
        stillWorks();
    }

    @Test
    void aRemovedNodeIsShutOut() throws Exception {
        joinAs(Role.WORKER);
        NodeId removed = evilId();
        double refusedBefore = manager.metric("starling.transport.refused.handshakes");
        manager.swarm.removeNode(removed, true).toCompletableFuture().get(90, TimeUnit.SECONDS);
        until(() -> {
            send(List.of()); // knocks
            return manager.metric("starling.transport.refused.handshakes") > refusedBefore;
        });
        Member target = evil.swarm.snapshot().members().get(manager.swarm.session().self());
        assertThrows(ExecutionException.class, () -> evil.swarm.session().transport().request(target.endpoint(), "renew",
                evil.swarm.session().credentials().certificateRequest(), java.time.Duration.ofSeconds(60)).get(90, TimeUnit.SECONDS));
        stillWorks();
    }

    @Test
    void aCertificateIsIssuedForWhoAsksAndWhatItsDocumentSays() throws Exception {
        joinAs(Role.WORKER);
        IssuedCertificate own = IssuedCertificate.decode(ask(requestOf(evil.swarm.session().credentials().certificateRequest())));
        assertNull(own.caKeys());
        assertNull(own.unlockKey());
        assertEquals(Role.WORKER, evil.swarm.session().credentials().renewed(own.certificate()).role());
        ExecutionException refused = assertThrows(ExecutionException.class, () -> ask(requestOf(NodeKey.generate().certificateRequest())));
        assertTrue(refused.getMessage().contains("asked for a certificate of node"), refused.getMessage());
        assertThrows(ExecutionException.class, () -> ask(requestOf(new byte[] {1, 2, 3})));
        assertThrows(ExecutionException.class, () -> ask(new byte[] {1, 2, 3}));
        assertEquals(3, manager.metric("starling.certificate.refusals"));

        CertificateDesk desk = new CertificateDesk(manager.swarm.session().trust());
        NodeCredentials stranger = manager.swarm.session().authority().enrol(NodeKey.generate(), Role.MANAGER);
        IllegalStateException unknown = assertThrows(IllegalStateException.class,
                () -> desk.issue(stranger.identity(), requestOf(stranger.certificateRequest())));
        assertTrue(unknown.getMessage().contains("is not enrolled"), unknown.getMessage());
    }

    private static byte[] requestOf(byte[] pkcs10) {
        return new CertificateRequest(Bytes.of(pkcs10), Instant.now()).encode();
    }

    private byte[] ask(byte[] request) throws Exception {
        return evil.swarm.session().transport().request(manager.gossip, "renew", request, java.time.Duration.ofSeconds(60))
                .get(90, TimeUnit.SECONDS);
    }

    @Test
    void nobodyWritesThisNodesOwnRecord() throws Exception {
        joinAs(Role.WORKER);
        NodeId victim = manager.swarm.session().self();
        NodeReport before = manager.swarm.snapshot().reports().get(victim);
        long boot = manager.swarm.snapshot().members().get(victim).boot();
        send(List.of(new RecordDelta(victim, boot, 0, 1_000, List.of(new RecordEntry("node", 1_000, null)), Bytes.EMPTY)));
        send(List.of(new RecordDelta(victim, boot + 1, 0, 1, List.of(new RecordEntry("node", 1, Bytes.utf8("lies"))), Bytes.EMPTY)));
        DesiredObject marker = service(manager.swarm.session().credentials(), "marker", 1, System.currentTimeMillis());
        send(List.of(), marker);
        until(() -> atManager("marker") != null);
        assertEquals(before, manager.swarm.snapshot().reports().get(victim));
        stillWorks();
    }

    /** Lies about a third node, all signed with the liar's own good key. */
    @Test
    void aWorkersLiesAboutAnotherWorkerAreRefusedAndCounted() throws Exception {
        joinAs(Role.WORKER);
        try (LoopbackNode honest = new LoopbackNode(directory.resolve("v1"), vertx)) {
            honest.join(manager, Role.WORKER);
            NodeId victim = honest.swarm.session().self();
            until(() -> isUp(manager, honest) && isUp(evil, honest) && manager.swarm.snapshot().reports().containsKey(victim));
            NodeReport report = manager.swarm.snapshot().reports().get(victim);
            Member member = evil.swarm.snapshot().members().get(victim);
            NodeSigner liar = evil.swarm.session().credentials().signer();

            Member moved = new Member(victim, evil.gossip, member.role(), member.boot(), member.incarnation() + 1, MemberStatus.ALIVE,
                    member.key(), Bytes.EMPTY);
            Member suspect = member.with(MemberStatus.SUSPECT);
            Suspected inAnothersName = new Suspected(suspect, manager.swarm.session().self(), Bytes.EMPTY);
            Suspected inItsOwn = new Suspected(suspect, evilId(), Bytes.EMPTY);
            send(new Changes(List.of(new Member(victim, moved.endpoint(), moved.role(), moved.boot(), moved.incarnation(), moved.status(), moved.key(),
                    liar.sign(moved.assertion()))), List.of(inItsOwn, new Suspected(suspect, NodeKey.generate().nodeId(), liar.sign(inAnothersName.statement()))),
                    List.of(new Forgotten(victim, member.boot())),
                    List.of(new RecordDelta(victim, member.boot() + 1, 0, 1, List.of(), liar.sign(new byte[1]))), List.of()));
            for (String reason : List.of("forged_member", "forged_suspicion", "forged_record", "unproven_removal")) {
                until(() -> manager.metric("starling.gossip.refused", reason) >= 1);
            }
            // its death, over and over: the manager asks the victim, which refutes
            for (int i = 0; i < 20; i++) {
                Member now = manager.swarm.snapshot().members().get(victim);
                assertTrue(now.status().isUp(), "the manager believes that the victim is " + now.status());
                send(new Changes(List.of(now.with(MemberStatus.DEAD)), List.of(), List.of(), List.of(), List.of()));
                Thread.sleep(100);
            }
            until(() -> manager.swarm.snapshot().members().get(victim).status() == MemberStatus.ALIVE);
            assertTrue(manager.swarm.snapshot().members().get(victim).incarnation() > 0, "it had to refute");
            assertEquals(member.endpoint(), manager.swarm.snapshot().members().get(victim).endpoint());
            assertEquals(report, manager.swarm.snapshot().reports().get(victim));
            stillWorks();
        }
    }

    /** It may say what it likes of itself; a task of another node in its record counts for nobody. */
    @Test
    void aTaskOfAnotherNodeInItsOwnRecordIsLeftOutAndCounted() throws Exception {
        joinAs(Role.WORKER);
        NodeId victim = manager.swarm.session().self();
        Task forged = Sample.task("task1", Slot.replica("web", 1), victim, TaskState.RUNNING, Map.of());
        long boot = manager.swarm.snapshot().members().get(evilId()).boot();
        double before = manager.metric("starling.record.malformed");
        send(List.of(new RecordDelta(evilId(), boot + 1, 0, 1, List.of(new RecordEntry(RecordBytes.key(forged), 1, RecordBytes.value(forged))), Bytes.EMPTY)));
        until(() -> manager.metric("starling.record.malformed") > before);
        assertTrue(manager.swarm.snapshot().view().tasks().values().stream().allMatch(List::isEmpty));
        stillWorks();
    }

    @Test
    void whatIsReplayedOrComesInAnotherOrderChangesNothing() throws Exception {
        joinAs(Role.WORKER);
        Document first = manager.swarm.create(Kind.SERVICE, Sample.serviceBody("web", 0)).toCompletableFuture().get(90, TimeUnit.SECONDS);
        Document second = manager.swarm.update(first.uid(), 1, Sample.serviceBody("web", 0).put("Note", "2")).toCompletableFuture()
                .get(90, TimeUnit.SECONDS);
        Document gone = manager.swarm.create(Kind.SERVICE, Sample.serviceBody("gone", 0)).toCompletableFuture().get(90, TimeUnit.SECONDS);
        manager.swarm.delete(gone.uid()).toCompletableFuture().get(90, TimeUnit.SECONDS);
        for (int times = 0; times < 3; times++) {
            send(List.of(), second.object(), first.object(), gone.object());
            send(List.of(), gone.object(), first.object());
        }
        DesiredObject marker = service(manager.swarm.session().credentials(), "marker", 1, System.currentTimeMillis());
        send(List.of(), marker);
        until(() -> atManager("marker") != null);
        assertEquals(second.object(), atManager(first.uid()).object());
        assertNull(atManager(gone.uid()));
        stillWorks();
    }
}
