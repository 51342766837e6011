package dev.starling.node.agent;

import static dev.starling.node.agent.SwarmOfLoopbackNodes.until;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.FreePort;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.transport.PeerTransport;
import dev.starling.gossip.transport.TransportConfig;
import dev.starling.gossip.transport.TransportListener;
import dev.starling.gossip.trust.ClusterAuthority;
import dev.starling.gossip.trust.NodeCredentials;
import dev.starling.gossip.trust.NodeKey;
import dev.starling.gossip.trust.PeerIdentity;
import dev.starling.node.Sample;
import dev.starling.node.core.Document;
import dev.starling.node.swarm.SwarmDirectory;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import io.vertx.core.Vertx;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Certificates and roles of whole nodes in a running swarm on the loopback address. */
@Timeout(300)
class TrustTest {
    @TempDir
    Path directory;
    private final Vertx vertx = Vertx.vertx();
    private final List<LoopbackNode> nodes = new ArrayList<>();

    private LoopbackNode node(String name) {
        LoopbackNode node = new LoopbackNode(directory.resolve(name), vertx);
        nodes.add(node);
        return node;
    }

    private LoopbackNode manager() throws Exception {
        LoopbackNode first = node("m1");
        first.init();
        return first;
    }

    private LoopbackNode joined(String name, LoopbackNode manager, Role role) throws Exception {
        LoopbackNode node = node(name);
        node.join(manager, role);
        until(() -> sees(manager, node) && sees(node, manager) && documentOf(node, node) != null);
        return node;
    }

    @AfterEach
    void close() throws Exception {
        nodes.forEach(LoopbackNode::close);
        vertx.close().toCompletionStage().toCompletableFuture().get(90, TimeUnit.SECONDS);
    }

    private static boolean sees(LoopbackNode node, LoopbackNode other) {
        var member = node.swarm.snapshot().members().get(other.swarm.session().self());
        return member != null && member.status().isUp();
    }

    private static Document documentOf(LoopbackNode at, LoopbackNode node) {
        return at.swarm.snapshot().document(Kind.NODE, node.id());
    }

    private static void setRole(LoopbackNode at, LoopbackNode node, String role) throws Exception {
        Document document = documentOf(at, node);
        ObjectNode body = document.body().deepCopy();
        body.withObject("/Spec").put("Role", role);
        at.swarm.update(document.uid(), document.object().generation(), body).toCompletableFuture().get(90, TimeUnit.SECONDS);
    }

    private static Instant end(LoopbackNode node) {
        return node.swarm.session().credentials().identity().validUntil();
    }

    /** From now on {@code node}'s certificate ends in {@code left}; its agent starts anew with it. */
    private static void shorten(LoopbackNode node, ClusterAuthority authority, Duration left) {
        node.stop();
        SwarmDirectory disk = new SwarmDirectory(node.directory);
        SwarmDirectory.Identity now = disk.load();
        disk.renew(new SwarmDirectory.Identity(now.credentials().renewed(ClusterAuthority.pem(authority.issue(now.credentials().certificateRequest(),
                now.credentials().role(), Instant.now().plus(left)))), now.authorities(), now.dataKey(), now.advertise()));
        node.start();
    }

    @Test
    void aWorkersCertificateIsRenewedByAManagerWhileItsConnectionsStay() throws Exception {
        LoopbackNode manager = manager();
        LoopbackNode worker = joined("w1", manager, Role.WORKER);
        ClusterAuthority authority = manager.swarm.session().authority();
        shorten(worker, authority, Duration.ofMinutes(5));
        until(() -> sees(worker, manager) && sees(manager, worker));
        SwarmSession session = worker.swarm.session();
        until(() -> end(worker).isAfter(Instant.now().plus(Duration.ofDays(80))));
        assertTrue(session == worker.swarm.session(), "no session anew");
        assertEquals(end(worker), NodeCredentials.load(worker.directory.resolve("swarm")).identity().validUntil(), "on disk too");
        assertTrue(worker.metric("starling.certificate.expiry") > Duration.ofDays(80).toSeconds());
        assertNull(session.authority());
        assertFalse(Files.exists(worker.directory.resolve("swarm/ca-key.pem")));

        long handshakes = session.transport().counters().handshakes.sum();
        session.renew(new SwarmDirectory.Identity(session.credentials().renewed(ClusterAuthority.pem(authority.issue(
                session.credentials().certificateRequest(), Role.WORKER, Instant.now().plus(Duration.ofDays(89)).truncatedTo(ChronoUnit.SECONDS)))),
                null, null, session.identity().advertise()));
        long frames = session.transport().counters().framesIn.sum();
        until(() -> session.transport().counters().framesIn.sum() > frames + 5);
        assertEquals(handshakes, session.transport().counters().handshakes.sum(), "what was open is still in use");
        assertEquals(end(worker), shownTo(authority, session).validUntil());
    }

    /** The identity that {@code session} shows on a connection made now. */
    private static PeerIdentity shownTo(ClusterAuthority authority, SwarmSession session) throws Exception {
        CompletableFuture<PeerIdentity> shown = new CompletableFuture<>();
        Endpoint address = new Endpoint("127.0.0.1", FreePort.ofLoopback());
        try (PeerTransport other = PeerTransport.open(TransportConfig.of(address, address), authority.enrol(NodeKey.generate(), Role.WORKER),
                new TransportListener() {
                    @Override
                    public void received(PeerIdentity from, byte[] payload) {}

                    @Override
                    public void connectionLost(NodeId peer) {}
                })) {
            other.handle("who", (from, payload) -> {
                shown.complete(from);
                return CompletableFuture.completedFuture(new byte[0]);
            });
            session.transport().request(address, "who", new byte[0], Duration.ofSeconds(60)).get(90, TimeUnit.SECONDS);
            return shown.get();
        }
    }

    @Test
    void aWorkerTriesAgainUntilAManagerIsBack() throws Exception {
        LoopbackNode manager = manager();
        LoopbackNode worker = joined("w1", manager, Role.WORKER);
        ClusterAuthority authority = manager.swarm.session().authority();
        manager.stop();
        shorten(worker, authority, Duration.ofMinutes(5));
        until(() -> worker.metric("starling.certificate.renewal.failures") >= 2);
        assertTrue(end(worker).isBefore(Instant.now().plus(Duration.ofMinutes(5))));
        manager.start();
        until(() -> end(worker).isAfter(Instant.now().plus(Duration.ofDays(80))));
    }

    @Test
    void aManagerRenewsItsOwnAndItsJoinListenerShowsIt() throws Exception {
        LoopbackNode manager = manager();
        shorten(manager, manager.swarm.session().authority(), Duration.ofSeconds(20));
        until(() -> end(manager).isAfter(Instant.now().plus(Duration.ofDays(80))));
        assertEquals(end(manager), NodeCredentials.load(manager.directory.resolve("swarm")).identity().validUntil());
        until(() -> joinListenerShows(manager).isAfter(Instant.now().plus(Duration.ofDays(80))));
        joined("w1", manager, Role.WORKER);
    }

    private static Instant joinListenerShows(LoopbackNode node) {
        try {
            javax.net.ssl.SSLContext context = javax.net.ssl.SSLContext.getInstance("TLSv1.3");
            context.init(null, new javax.net.ssl.TrustManager[] {new javax.net.ssl.X509ExtendedTrustManager() {
                @Override
                public void checkClientTrusted(java.security.cert.X509Certificate[] chain, String type, java.net.Socket socket) {}

                @Override
                public void checkServerTrusted(java.security.cert.X509Certificate[] chain, String type, java.net.Socket socket) {}

                @Override
                public void checkClientTrusted(java.security.cert.X509Certificate[] chain, String type, javax.net.ssl.SSLEngine engine) {}

                @Override
                public void checkServerTrusted(java.security.cert.X509Certificate[] chain, String type, javax.net.ssl.SSLEngine engine) {}

                @Override
                public void checkClientTrusted(java.security.cert.X509Certificate[] chain, String type) {}

                @Override
                public void checkServerTrusted(java.security.cert.X509Certificate[] chain, String type) {}

                @Override
                public java.security.cert.X509Certificate[] getAcceptedIssuers() {
                    return new java.security.cert.X509Certificate[0];
                }
            }}, null);
            try (var socket = (javax.net.ssl.SSLSocket) context.getSocketFactory().createSocket(node.join.host(), node.join.port())) {
                socket.startHandshake();
                return ((java.security.cert.X509Certificate) socket.getSession().getPeerCertificates()[0]).getNotAfter().toInstant();
            }
        } catch (java.io.IOException | java.security.GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void aPromotedWorkerBecomesAManagerAndADemotedOneForgetsTheKey() throws Exception {
        LoopbackNode first = manager();
        LoopbackNode second = joined("w1", first, Role.WORKER);
        String id = second.id();
        setRole(first, second, "manager");
        until(() -> second.swarm.session().role() == Role.MANAGER && sees(second, first));
        assertEquals(id, second.id());
        assertNotNull(second.swarm.session().authority());
        assertTrue(Files.exists(second.directory.resolve("swarm/ca-key.pem")));
        assertEquals(first.swarm.joinToken(Role.WORKER), second.swarm.joinToken(Role.WORKER));
        until(() -> second.swarm.snapshot().document(Kind.NODE, id) != null);
        Document service = second.swarm.create(Kind.SERVICE, Sample.serviceBody("web", 0)).toCompletableFuture().get(90, TimeUnit.SECONDS);
        until(() -> first.swarm.snapshot().document(Kind.SERVICE, service.uid()) != null);
        joined("w2", second, Role.WORKER);

        until(() -> first.swarm.snapshot().members().get(second.swarm.session().self()).role() == Role.MANAGER && sees(first, second));
        setRole(second, first, "worker"); // either may
        until(() -> first.swarm.session().role() == Role.WORKER && sees(first, second));
        assertNull(first.swarm.session().authority());
        assertFalse(Files.exists(first.directory.resolve("swarm/ca-key.pem")));
        assertNotNull(first.swarm.snapshot().document(Kind.SERVICE, service.uid()), "a worker has the desired state all the same");
        ExecutionException refused = assertThrows(ExecutionException.class, () -> first.swarm.create(Kind.SERVICE, Sample.serviceBody("db", 0))
                .toCompletableFuture().get(90, TimeUnit.SECONDS));
        assertTrue(refused.getMessage().contains("not a swarm manager"), refused.getMessage());
        ExecutionException last = assertThrows(ExecutionException.class, () -> setRole(second, second, "worker"));
        assertTrue(last.getMessage().contains("attempting to demote the last manager of the swarm"), last.getMessage());
    }

    @Test
    void containersGoOnThroughPromotionAndDemotion() throws Exception {
        LoopbackNode first = manager();
        LoopbackNode second = joined("w1", first, Role.WORKER);
        ObjectNode body = Sample.json("""
                {"Spec": {"Name": "web", "TaskTemplate": {"ContainerSpec": {"Image": "busybox:latest"}}, "Mode": {"Global": {}}}}""");
        first.swarm.create(Kind.SERVICE, body).toCompletableFuture().get(90, TimeUnit.SECONDS);
        until(() -> running(first) == 2 && running(second) == 2);
        List<String> tasks = tasks(first);
        setRole(first, second, "manager");
        until(() -> second.swarm.session().role() == Role.MANAGER && sees(first, second) && running(second) == 2);
        until(() -> documentOf(first, second) != null
                && first.swarm.snapshot().members().get(second.swarm.session().self()).role() == Role.MANAGER);
        setRole(first, second, "worker");
        until(() -> second.swarm.session().role() == Role.WORKER && sees(first, second) && sees(second, first));
        until(() -> first.swarm.snapshot().members().get(second.swarm.session().self()).role() == Role.WORKER);
        // a service that comes now is done after whatever the changes of role had set off
        first.swarm.create(Kind.SERVICE, Sample.json("""
                {"Spec": {"Name": "marker", "TaskTemplate": {"ContainerSpec": {"Image": "busybox:latest"}}, "Mode": {"Global": {}}}}"""))
                .toCompletableFuture().get(90, TimeUnit.SECONDS);
        until(() -> running(first) == 4 && running(second) == 4);
        assertTrue(tasks(first).containsAll(tasks), tasks + " and then " + tasks(first));
        for (LoopbackNode node : nodes) {
            assertEquals(2, node.containers.calls.size(), node.containers.calls.toString());
            assertTrue(node.containers.calls.get(0).startsWith("start web."), node.containers.calls.toString());
            assertTrue(node.containers.calls.get(1).startsWith("start marker."), node.containers.calls.toString());
        }
    }

    private static List<String> tasks(LoopbackNode at) {
        return at.swarm.snapshot().view().tasks().values().stream().flatMap(List::stream)
                .filter(task -> task.state() == TaskState.RUNNING).map(Task::id).sorted().toList();
    }

    private static long running(LoopbackNode at) {
        return tasks(at).size();
    }
}
