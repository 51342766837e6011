package dev.starling.node.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.member.MemberStatus;
import dev.starling.gossip.trust.PeerIdentity;
import dev.starling.node.Sample;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.NodeReport;
import dev.starling.runtime.image.BlobPart;
import dev.starling.runtime.image.Digest;
import dev.starling.runtime.image.Image;
import dev.starling.runtime.image.ImageBuilder;
import dev.starling.runtime.image.LocalImageStore;
import dev.starling.runtime.image.PullProgress;
import dev.starling.runtime.image.RegistryCredentials;
import dev.starling.runtime.registry.BandwidthLimit;
import dev.starling.runtime.registry.ImagePuller;
import dev.starling.runtime.registry.Registries;
import dev.starling.runtime.registry.RegistrySettings;
import java.io.ByteArrayInputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Nodes with stores of their own and one registry: what the registry is asked for when all start an image at the same moment. */
@Timeout(300)
class SiteDownloadsTest {
    private static final int LAYER_BYTES = 3 << 20;

    @TempDir
    Path directory;

    private final List<Node> nodes = new ArrayList<>();
    private SmallRegistry registry;
    /** Nobody is given up because the machine is busy. */
    private Duration stall = Duration.ofSeconds(5);

    @BeforeEach
    void open() throws Exception {
        assumeTrue(System.getProperty("user.name").equals("root"), "unpacking layers needs root");
        byte[] noise = new byte[LAYER_BYTES];
        new Random(3).nextBytes(noise);
        LocalImageStore workshop = new LocalImageStore(directory.resolve("workshop"));
        workshop.load(new ByteArrayInputStream(ImageBuilder.image("app:1").file("noise", 0644, noise).layer().text("etc/app", "app").cmd("app").toBytes()));
        registry = new SmallRegistry(workshop, "app:1");
    }

    @AfterEach
    void close() {
        nodes.forEach(Node::close);
        if (registry != null) {
            registry.close();
        }
    }

    private Node node(String site) {
        Node node = new Node(new NodeId("node" + nodes.size()), site);
        nodes.add(node);
        return node;
    }

    /** Everything of one node that has to do with blobs; the others are called instead of sent to. */
    private final class Node {
        final NodeId id;
        final String site;
        final LocalImageStore store;
        private final WatchedImages images;
        private final ImagePuller puller;
        private final BlobDesk desk;
        private final BlobExchange exchange;

        Node(NodeId id, String site) {
            this.id = id;
            this.site = site;
            this.store = new LocalImageStore(directory.resolve(id.value()));
            this.puller = new ImagePuller(store, new Registries(RegistrySettings.DEFAULTS), BandwidthLimit.NONE, 3);
            this.images = new WatchedImages(store, puller);
            this.desk = new BlobDesk(images, 0);
            PeerIdentity self = new PeerIdentity(id, Role.WORKER, "cluster", Instant.MAX);
            this.exchange = new BlobExchange(() -> snapshot(id),
                    (member, request) -> find(member).desk.answer(self, request).toCompletableFuture(),
                    (member, request) -> find(member).exchange.steward().handle(self, request).toCompletableFuture(),
                    new PeerSource.Patience(Duration.ofMillis(20), stall));
            images.askFirst(exchange.sources());
        }

        Image pull() {
            return images.pull(registry.pinned(), RegistryCredentials.NONE, PullProgress.NONE);
        }

        CompletableFuture<Image> pulling() {
            CompletableFuture<Image> image = new CompletableFuture<>();
            new Thread(() -> {
                try {
                    image.complete(pull());
                } catch (RuntimeException failure) {
                    image.completeExceptionally(failure);
                }
            }, "pull-" + id).start();
            return image;
        }

        boolean hasSomeOf(Digest blob) {
            BlobPart part = store.readBlob(blob, 0, 1);
            return part != null && part.bytes().length > 0;
        }

        void close() {
            puller.close();
            desk.close();
        }
    }

    private Node find(Member member) {
        return nodes.stream().filter(node -> node.id.equals(member.id())).findFirst().orElseThrow();
    }

    private ClusterSnapshot snapshot(NodeId self) {
        SortedMap<NodeId, Member> members = new TreeMap<>();
        SortedMap<NodeId, NodeReport> reports = new TreeMap<>();
        for (Node node : nodes) {
            members.put(node.id, new Member(node.id, new Endpoint("127.0.0.1", 1), Role.WORKER, 1, 1, MemberStatus.ALIVE));
            NodeReport report = Sample.report(node.id.value(), "127.0.0.1");
            reports.put(node.id, new NodeReport(report.hostname(), report.address(), report.apiAddress(), report.role(), report.platform(), report.capacity(),
                    report.engineVersion(), new TreeMap<>(Map.of("site", node.site)), node.images.names(), report.warnings()));
        }
        return new ClusterSnapshot(self, Role.WORKER, members, reports, null, new TreeMap<>());
    }

    private static void await(List<CompletableFuture<Image>> pulls) throws Exception {
        for (CompletableFuture<Image> pull : pulls) {
            assertNotNull(pull.get(90, TimeUnit.SECONDS));
        }
    }

    private static void until(java.util.function.BooleanSupplier condition) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(90);
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < end, "not within 90 s");
            try {
                Thread.sleep(10);
            } catch (InterruptedException ended) {
                throw new IllegalStateException(ended);
            }
        }
    }

    @Test
    void sixNodesThatStartAnImageAtOnceDownloadItOnceAndPassItOnAsItComes() throws Exception {
        for (int i = 0; i < 6; i++) {
            node("shop");
        }
        Digest layer = registry.largest();
        registry.halfWay(layer, () -> until(() -> nodes.stream().allMatch(node -> node.hasSomeOf(layer)))); // the rest comes once all have some of it
        await(nodes.stream().map(Node::pulling).toList());
        registry.requests().forEach((path, times) -> assertEquals(1, times, path + " of " + registry.requests()));
        assertEquals(4, registry.requests().size(), "a manifest, a config, two layers: " + registry.requests());
    }

    @Test
    void whoGetsStuckIsReplacedByOneOtherAndNotByAll() throws Exception {
        stall = Duration.ofSeconds(2);
        for (int i = 0; i < 5; i++) {
            node("shop");
        }
        Digest layer = registry.largest();
        CompletableFuture<Void> freed = new CompletableFuture<>();
        registry.halfWay(layer, freed::join); // the first download stops in the middle
        List<CompletableFuture<Image>> pulls = nodes.stream().map(Node::pulling).toList();
        try {
            until(() -> pulls.stream().filter(CompletableFuture::isDone).count() >= 4);
        } finally {
            freed.complete(null);
        }
        await(pulls);
        assertEquals(2, registry.requests().get("/v2/app/blobs/" + layer), registry.requests().toString());
        assertEquals(List.of(registry.size(layer) / 2), registry.offsets(), "the second download goes on from what the first one has given away");
    }

    @Test
    void wrongBytesThatOnePassesOnAreNobodysImage() throws Exception {
        for (int i = 0; i < 4; i++) {
            node("shop");
        }
        registry.wrongOnce(registry.largest());
        List<CompletableFuture<Image>> pulls = nodes.stream().map(Node::pulling).toList();
        until(() -> pulls.stream().allMatch(CompletableFuture::isDone));
        assertEquals(1, pulls.stream().filter(CompletableFuture::isCompletedExceptionally).count(), "who has the wrong bytes from the registry itself says so");
        for (Node node : nodes) {
            assertEquals(pulls.get(nodes.indexOf(node)).isCompletedExceptionally(), node.store.list().isEmpty());
        }
        assertNotNull(nodes.get(0).pull());
    }

    @Test
    void anotherSiteFetchesItOnceFromTheFirst() throws Exception {
        node("shop").pull();
        Map<String, Integer> before = Map.copyOf(registry.requests());
        List<Node> depot = List.of(node("depot"), node("depot"), node("depot"));
        long servedBefore = nodes.get(0).desk.served();
        await(depot.stream().map(Node::pulling).toList());
        assertEquals(before, registry.requests(), "the registry is not asked again");
        long bytes = registry.bytes();
        assertEquals(bytes, nodes.get(0).desk.served() - servedBefore, "each byte crosses the link between the sites once");
    }
}
