package dev.starling.runtime.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.runtime.image.Archives.Tar;
import java.io.ByteArrayInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What goes by itself, what never does, and in which order. */
@Timeout(60)
class ImageCollectorTest extends PullForEachTest {
    private static final Instant NOW = Instant.parse("2026-11-22T12:00:00Z");
    private static final int LAYER_BYTES = 100_000;
    private static final CollectionPolicy POLICY = new CollectionPolicy(Duration.ofDays(30), 85, 80, Duration.ofMinutes(10));

    private final Set<String> inUse = new TreeSet<>();
    private final Set<String> named = new TreeSet<>();
    /** Bytes that are in use besides images, of a disk of a million. */
    private long otherBytes;

    @BeforeEach
    void keepWhatIsInUse() {
        store.keepWhile(inUse::contains);
    }

    private Image pulled(String name, Duration unused) {
        registry.image(name, "1", new Tar().file(name, new byte[LAYER_BYTES]).toBytes());
        Image image = puller.pull(registry.host() + "/" + name + ":1", RegistryCredentials.NONE, PullProgress.NONE);
        store.shelf().use(image, NOW.minus(unused));
        return image;
    }

    private ImageCollector.Space space() {
        return new ImageCollector.Space(1_000_000, 1_000_000 - otherBytes - store.usage().layerBytes());
    }

    /** Names of what went, in order. */
    private List<String> collect(CollectionPolicy policy) {
        return new ImageCollector(store, policy, this::space).collect(NOW, image -> named.contains(image.id())).stream()
                .map(removed -> removed.image().tags().get(0).replaceAll(".*/(.*):1", "$1")).toList();
    }

    @Test
    void whatNobodyUsedForLongGoes() {
        Image old = pulled("old", Duration.ofDays(31));
        pulled("young", Duration.ofDays(29));
        inUse.add(pulled("running", Duration.ofDays(400)).id());
        named.add(pulled("named", Duration.ofDays(400)).id());
        assertEquals(List.of("old"), collect(POLICY));
        assertNull(store.find(old.id()));
        assertFalse(Files.exists(home.resolve("layers").resolve(old.layers().get(0).substring(7))));
        assertEquals(List.of(), collect(POLICY));
        inUse.clear();
        assertEquals(List.of(), collect(POLICY), "its age counts from the end of its use");
    }

    @Test
    void whatWasLoadedByHandStays() {
        store.load(new ByteArrayInputStream(Archives.dockerSave("mine:1", new Tar().file("a", new byte[LAYER_BYTES]).toBytes())));
        store.shelf().use(store.find("mine:1"), NOW.minus(Duration.ofDays(900)));
        otherBytes = 950_000;
        assertEquals(List.of(), collect(POLICY));
    }

    @Test
    void aFullDiskTakesTheLongestUnusedFirstAndNoMoreThanNeeded() {
        pulled("b", Duration.ofDays(2));
        pulled("a", Duration.ofDays(3));
        pulled("c", Duration.ofDays(1));
        inUse.add(pulled("running", Duration.ofDays(9)).id());
        named.add(pulled("named", Duration.ofDays(9)).id());
        pulled("fresh", Duration.ofMinutes(9));
        otherBytes = 240_000;
        assertEquals(List.of(), collect(POLICY), "84 % are in use");
        otherBytes = 260_000;
        assertEquals(List.of("a"), collect(POLICY), "86 %, and 76 % after the first");
        otherBytes = 999_000;
        assertEquals(List.of("b", "c", "named"), collect(POLICY), "what a service names goes last; what is used, or was just now, does not");
        assertEquals(2, store.list().size());
    }

    @Test
    void aClockThatWasNotSetIsNoReasonToRemoveAnything() {
        Image image = pulled("a", Duration.ZERO);
        store.shelf().use(image, Instant.EPOCH.plusSeconds(40));
        assertEquals(List.of(), collect(POLICY));
        assertEquals(NOW, store.shelf().lastUsed(image));
        store.shelf().use(image, NOW.plus(Duration.ofDays(4000)));
        assertEquals(List.of(), collect(POLICY));
        assertEquals(NOW, store.shelf().lastUsed(image), "else it would stay for eleven years");
    }

    @Test
    void whatIsTakenIntoUseMeanwhileStays() {
        Image image = pulled("a", Duration.ofDays(31));
        assertEquals(image, store.use(image.tags().get(0)));
        assertEquals(List.of(), new ImageCollector(store, POLICY, this::space).collect(Instant.now(), any -> false));
        assertNotNull(store.find(image.id()));
    }

    /** The layer below is there from an old image that goes in the middle of the pull which counts on it. */
    @Test
    void aPullKeepsTheLayersThatItCountsOn() throws Exception {
        byte[] shared = new Tar().file("shared", new byte[LAYER_BYTES]).toBytes();
        registry.image("old", "1", shared);
        Image old = puller.pull(registry.host() + "/old:1", RegistryCredentials.NONE, PullProgress.NONE);
        store.shelf().use(old, NOW.minus(Duration.ofDays(31)));
        registry.image("new", "1", shared, new Tar().file("upper", "upper").toBytes());
        CompletableFuture<Void> underWay = new CompletableFuture<>();
        CompletableFuture<Void> collected = new CompletableFuture<>();
        CompletableFuture<Image> pull = CompletableFuture.supplyAsync(() -> puller.pull(registry.host() + "/new:1", RegistryCredentials.NONE,
                (layer, step, current, total) -> {
                    if (step == PullProgress.Step.EXTRACTING) {
                        underWay.complete(null);
                        collected.join();
                    }
                }));
        underWay.get(20, TimeUnit.SECONDS);
        assertEquals(List.of("old"), collect(POLICY));
        collected.complete(null);
        Image image = pull.get(20, TimeUnit.SECONDS);
        assertTrue(Files.exists(store.layerDirectories(image).get(0).resolve("shared")));
    }

    @Test
    void remainsOfDownloadsGoFirst() throws Exception {
        Path part = Files.write(home.resolve("downloads/" + "ab".repeat(32) + ".part"), new byte[10]);
        Files.setLastModifiedTime(part, java.nio.file.attribute.FileTime.from(NOW.minusSeconds(60)));
        pulled("a", Duration.ofDays(1));
        assertEquals(List.of(), collect(POLICY));
        assertTrue(Files.exists(part));
        otherBytes = 900_000;
        collect(POLICY);
        try (Stream<Path> left = Files.list(home.resolve("downloads"))) {
            assertEquals(List.of(), left.toList());
        }
    }

    @Test
    void prunedIsWhatIsUnwantedAndNotUsed() {
        Image a = pulled("a", Duration.ZERO);
        Image b = pulled("b", Duration.ZERO);
        inUse.add(b.id());
        ImageStore.Pruned pruned = store.prune(image -> true);
        assertEquals(List.of("Untagged: " + a.tags().get(0), "Untagged: " + a.digests().get(0), "Deleted: " + a.id(), "Deleted: " + a.layers().get(0)),
                pruned.lines());
        assertTrue(pruned.bytes() > LAYER_BYTES, "the layer, and what was kept for other nodes");
        assertEquals(List.of(b), store.list());
        assertEquals(ImageStore.Pruned.NOTHING, store.prune(image -> true));
    }
}
