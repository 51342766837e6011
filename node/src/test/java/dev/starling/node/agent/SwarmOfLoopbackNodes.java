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
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/** Nodes of one swarm on the loopback address, and what operators do to its settings. */
final class SwarmOfLoopbackNodes implements AutoCloseable {
    /** Nothing that is waited for takes a tenth of it, on a machine that does nothing else. */
    private static final Duration PATIENCE = Duration.ofSeconds(90);
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
        await("it is let in", () -> isLetIn(node, manager, role));
        await("they see each other", () -> sees(manager, node) && sees(node, manager) && node.swarm.snapshot().document(Kind.NODE, node.id()) != null);
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
        until(what, condition, () -> "nothing more is known");
    }

    /** As {@link #until(String, BooleanSupplier)}; where it does not come, the message shows all nodes. */
    void await(String what, BooleanSupplier condition) throws InterruptedException {
        until(what, condition, () -> nodes.stream().map(LoopbackNode::toString).collect(Collectors.joining("; ")));
    }

    private static void until(String what, BooleanSupplier condition, Supplier<String> state) throws InterruptedException {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < deadline, () -> "waited " + PATIENCE.toSeconds() + " s in vain until " + what + ": " + state.get());
            Thread.sleep(20);
        }
    }

    /** What an operator's request has led to. */
    static <T> T done(CompletionStage<T> request) throws Exception {
        return request.toCompletableFuture().get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    }

    /** As the CLI does it: the spec is read, changed and sent back. */
    static void update(LoopbackNode at, boolean rotateUnlockKey, Consumer<ObjectNode> change) throws Exception {
        until("the settings are known", () -> ClusterDocument.of(at.swarm.snapshot()) != null);
        Document cluster = ClusterDocument.of(at.swarm.snapshot());
        ObjectNode spec = cluster.spec().deepCopy();
        change.accept(spec);
        done(at.swarm.updateSwarm(cluster.object().generation(), spec, rotateUnlockKey));
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
        done(at.swarm.update(document.uid(), document.object().generation(), body));
    }

    static ClusterRoots roots(LoopbackNode at) {
        return at.swarm.roots();
    }

    static boolean isUnder(LoopbackNode node, java.security.cert.X509Certificate root) {
        return node.swarm.session().credentials().ca().equals(root) && node.swarm.session().trust().roots().trusted().equals(List.of(root));
    }

    /** Each counts on all of them for tasks. */
    void untilReady() throws InterruptedException {
        await("all are ready", () -> nodes.stream().map(node -> node.swarm.snapshot().view().nodes().values())
                .allMatch(known -> known.size() == nodes.size() && known.stream().allMatch(node -> node.ready())));
    }

    Document service(LoopbackNode at, String name) throws Exception {
        return done(at.swarm.create(Kind.SERVICE, Sample.serviceBody(name, 0)));
    }

    void untilAllHave(Document document) throws InterruptedException {
        await(document.name() + " is everywhere", () -> nodes.stream().allMatch(node -> node.swarm.snapshot() == null
                || node.swarm.snapshot().document(document.object().kind(), document.uid()) != null));
    }

    @Override
    public void close() {
        nodes.forEach(LoopbackNode::close);
        try {
            done(vertx.close().toCompletionStage());
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }
}
