package dev.starling.node.agent;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.trust.ClusterRoots;
import dev.starling.node.Sample;
import dev.starling.node.core.Document;
import dev.starling.node.swarm.ClusterDocument;
import io.vertx.core.Vertx;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/** Nodes of one swarm on the loopback address, and what operators do to its settings. */
final class SwarmOfLoopbackNodes implements AutoCloseable {
    final List<LoopbackNode> nodes = new ArrayList<>();
    private final Path directory;
    private final Vertx vertx = Vertx.vertx();

    SwarmOfLoopbackNodes(Path directory) {
        this.directory = directory;
    }

    LoopbackNode node(String name) {
        LoopbackNode node = new LoopbackNode(directory.resolve(name), vertx);
        nodes.add(node);
        return node;
    }

    LoopbackNode first() throws Exception {
        LoopbackNode first = node("m1");
        first.init();
        return first;
    }

    LoopbackNode joined(String name, LoopbackNode manager, Role role) throws Exception {
        LoopbackNode node = node(name);
        until("it is let in", () -> isLetIn(node, manager, role));
        until("they see each other", () -> sees(manager, node) && sees(node, manager) && node.swarm.snapshot().document(Kind.NODE, node.id()) != null);
        return node;
    }

    /** Not while a manager's tokens are of the new root and its join listener shows the old one still. */
    static boolean isLetIn(LoopbackNode node, LoopbackNode manager, Role role) {
        try {
            node.join(manager, role);
            return true;
        } catch (Exception e) {
            if (String.valueOf(e.getMessage()).contains("fingerprint")) {
                return false;
            }
            throw new IllegalStateException(e);
        }
    }

    static boolean sees(LoopbackNode node, LoopbackNode other) {
        var member = node.swarm.snapshot().members().get(other.swarm.session().self());
        return member != null && member.status().isUp();
    }

    static void until(BooleanSupplier condition) throws InterruptedException {
        until("what the test waits for has come", condition);
    }

    static void until(String what, BooleanSupplier condition) throws InterruptedException {
        long deadline = System.nanoTime() + 30_000_000_000L;
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < deadline, "waited 30 s in vain until " + what);
            Thread.sleep(20);
        }
    }

    /** As the CLI does it: the spec is read, changed and sent back. */
    static void update(LoopbackNode at, boolean rotateUnlockKey, Consumer<ObjectNode> change) throws Exception {
        until("the settings are known", () -> ClusterDocument.of(at.swarm.snapshot()) != null);
        Document cluster = ClusterDocument.of(at.swarm.snapshot());
        ObjectNode spec = cluster.spec().deepCopy();
        change.accept(spec);
        at.swarm.updateSwarm(cluster.object().generation(), spec, rotateUnlockKey).toCompletableFuture().get(20, TimeUnit.SECONDS);
    }

    static void rotate(LoopbackNode at) throws Exception {
        update(at, false, spec -> {
            ObjectNode ca = spec.withObjectProperty("CAConfig");
            ca.put("ForceRotate", ca.path("ForceRotate").asLong(0) + 1);
        });
    }

    static void autolock(LoopbackNode at, boolean on) throws Exception {
        update(at, false, spec -> spec.withObjectProperty("EncryptionConfig").put("AutoLockManagers", on));
    }

    static void setRole(LoopbackNode at, LoopbackNode node, String role) throws Exception {
        Document document = at.swarm.snapshot().document(Kind.NODE, node.id());
        ObjectNode body = document.body().deepCopy();
        body.withObject("/Spec").put("Role", role);
        at.swarm.update(document.uid(), document.object().generation(), body).toCompletableFuture().get(20, TimeUnit.SECONDS);
    }

    static ClusterRoots roots(LoopbackNode at) {
        return at.swarm.roots();
    }

    static boolean isUnder(LoopbackNode node, java.security.cert.X509Certificate root) {
        return node.swarm.session().credentials().ca().equals(root) && node.swarm.session().trust().roots().trusted().equals(List.of(root));
    }

    /** Each counts on all of them for tasks. */
    void untilReady() throws InterruptedException {
        until("all are ready", () -> nodes.stream().map(node -> node.swarm.snapshot().view().nodes().values())
                .allMatch(known -> known.size() == nodes.size() && known.stream().allMatch(node -> node.ready())));
    }

    Document service(LoopbackNode at, String name) throws Exception {
        return at.swarm.create(Kind.SERVICE, Sample.serviceBody(name, 0)).toCompletableFuture().get(20, TimeUnit.SECONDS);
    }

    void untilAllHave(Document document) throws InterruptedException {
        until(document.name() + " is everywhere", () -> nodes.stream().allMatch(node -> node.swarm.snapshot() == null
                || node.swarm.snapshot().document(document.object().kind(), document.uid()) != null));
    }

    @Override
    public void close() {
        nodes.forEach(LoopbackNode::close);
        try {
            vertx.close().toCompletionStage().toCompletableFuture().get(10, TimeUnit.SECONDS);
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }
}
