package dev.starling.runtime.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.RuntimeShimException.Kind;
import dev.starling.runtime.image.Archives.Layout;
import dev.starling.runtime.image.Archives.Tar;
import java.io.ByteArrayInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LocalImageStoreTest {
    private static final MachinePlatform AMD64 = new MachinePlatform("linux", "amd64", "");
    private static final byte[] LAYER = new Tar().file("hello", "hello world").toBytes();

    @TempDir
    Path directory;

    private LocalImageStore store;

    @BeforeEach
    void open() throws Exception {
        Root.required();
        store = reopened(ImageLimits.defaults());
    }

    private LocalImageStore reopened(ImageLimits limits) {
        return new LocalImageStore(directory, limits, AMD64);
    }

    private static ImageBuilder hello(String name) {
        return ImageBuilder.image(name).architecture("amd64").text("etc/hello", "hello").cmd("cat", "/etc/hello");
    }

    private List<String> load(byte[] archive) {
        return store.load(new ByteArrayInputStream(archive));
    }

    private RuntimeShimException refusal(Kind kind, byte[] archive) {
        RuntimeShimException failure = assertThrows(RuntimeShimException.class, () -> load(archive));
        assertEquals(kind, failure.kind(), failure.getMessage());
        return failure;
    }

    /** All paths below the store, so that "unchanged" means everything. */
    private TreeSet<String> content() throws Exception {
        try (Stream<Path> paths = Files.walk(directory)) {
            return new TreeSet<>(paths.map(path -> directory.relativize(path).toString()).toList());
        }
    }

    @Test
    void whatTheBuilderMakesComesBack() throws Exception {
        byte[] archive = ImageBuilder.image("edge.example:5000/app:2").architecture("arm").variant("v7")
                .text("etc/a", "a").symlink("etc/b", "a").directory("tmp", 01777)
                .layer().text("etc/c", "ccc")
                .entrypoint("/init", "-x").cmd("run").env("A=1", "B=2").user("7:8").workingDirectory("/etc").stopSignal("SIGINT")
                .label("k", "v").exposedPort("80/tcp").volume("/data").toBytes();
        assertEquals(List.of("Loaded image: edge.example:5000/app:2"), load(archive));
        Image image = store.find("edge.example:5000/app:2");
        assertEquals(List.of("edge.example:5000/app:2"), image.tags());
        assertEquals("arm", image.architecture());
        assertEquals("v7", image.variant());
        assertEquals("linux", image.os());
        assertEquals("2024-01-01T00:00:00Z", image.created().toString());
        assertEquals(4, image.size());
        assertEquals(
                new Image.Config(List.of("/init", "-x"), List.of("run"), List.of("A=1", "B=2"), "/etc", "7:8", "SIGINT",
                        java.util.Map.of("k", "v"), List.of("80/tcp"), List.of("/data")),
                image.config());
        List<Path> layers = store.layerDirectories(image);
        assertEquals(2, layers.size());
        assertEquals("a", Files.readString(layers.get(0).resolve("etc/b")));
        assertEquals("ccc", Files.readString(layers.get(1).resolve("etc/c")));
        assertEquals(image, reopened(ImageLimits.defaults()).find(image.id()));
        assertEquals(0, entries("tmp"));
    }

    private static long openDescriptors() throws Exception {
        try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
            return open.count();
        }
    }

    private long entries(String below) throws Exception {
        try (Stream<Path> entries = Files.list(directory.resolve(below))) {
            return entries.count();
        }
    }

    @Test
    void theBuilderIsDeterministic() {
        assertEquals("sha256:6615500e1050e6ccebf2f3269a13e853beeb9d8c90d3736e4408e05aad498f93", Digest.of(hello("same-everywhere").toBytes()).toString(), "the same on every node, and after upgrades of libraries");
        List<String> applets = List.of("busybox", "sh", "cat", "ls");
        byte[] program = Archives.bytes("program");
        assertArrayEquals(ImageBuilder.busybox(program, applets).toBytes(), ImageBuilder.busybox(program, applets).toBytes());
        assertEquals(List.of("Loaded image: busybox:latest"), load(ImageBuilder.busybox(program, applets).toBytes()));
        Path root = store.layerDirectories(store.find("busybox")).get(0);
        assertTrue(Files.isExecutable(root.resolve("bin/cat")));
        assertEquals(List.of("sh"), store.find("busybox").config().cmd());
    }

    @Test
    void compressionIsToldByItsMagic() {
        byte[] archive = hello("a").toBytes();
        assertEquals(load(archive), load(Archives.gzip(archive)));
        assertEquals(load(archive), load(Archives.zstd(archive)));
        assertEquals(1, store.list().size());
        byte[] xz = {(byte) 0xfd, '7', 'z', 'X', 'Z', 0};
        assertTrue(refusal(Kind.UNSUPPORTED, xz).getMessage().contains("xz"));
    }

    @Test
    void legacyArchivesShareLayersByLinks() throws Exception {
        byte[] archive = new Tar().file("1/layer.tar", LAYER).symlink("2/layer.tar", "../1/layer.tar").file("c.json", Archives.config("amd64", LAYER, LAYER))
                .file("manifest.json", "[{\"Config\":\"c.json\",\"RepoTags\":null,\"Layers\":[\"1/layer.tar\",\"2/layer.tar\"]}]").toBytes();
        String id = Digest.of(Archives.config("amd64", LAYER, LAYER)).toString();
        assertEquals(List.of("Loaded image ID: " + id), load(archive));
        assertEquals(2, store.find(id).layers().size());
        assertEquals(1, store.layerDirectories(store.find(id)).size(), "overlayfs takes a directory once");
        assertEquals(11, store.find(id).size());
    }

    @ParameterizedTest
    @ValueSource(strings = {"plain", "gzip", "zstd"})
    void ociLayoutsAreRead(String compression) throws Exception {
        byte[] packed = switch (compression) {
            case "gzip" -> Archives.gzip(LAYER);
            case "zstd" -> Archives.zstd(LAYER);
            default -> LAYER;
        };
        Layout layout = new Layout();
        String manifest = layout.image("amd64", "", LAYER, packed, Archives.named("docker.io/library/hello:1"));
        assertEquals(List.of("Loaded image: hello:1"), load(layout.archive(manifest)));
        Image image = store.find("hello:1");
        assertEquals("hello world", Files.readString(store.layerDirectories(image).get(0).resolve("hello")));
        assertEquals(1, image.digests().size());
        assertEquals(image, store.find(image.digests().get(0)));
        assertEquals(image, store.find("hello:other@" + image.digests().get(0).substring("hello@".length())), "the digest decides");
    }

    @Test
    void thisMachinesPlatformIsTaken() {
        Layout layout = new Layout();
        byte[] other = new Tar().file("other", "").toBytes();
        String foreign = layout.image("arm64", "v8", other, other, "");
        String ours = layout.image("amd64", "", LAYER, LAYER, "");
        String attestation = layout.image("unknown", "", other, other, "");
        String list = layout.index(Archives.named("multi:1"), foreign, ours, attestation);
        load(layout.archive(list));
        assertEquals("amd64", store.find("multi:1").architecture());
        assertEquals(2, store.find("multi:1").digests().size(), "the list's digest and the manifest's");

        Layout none = new Layout();
        String onlyForeign = none.image("riscv64", "", other, other, "");
        RuntimeShimException failure = refusal(Kind.UNSUPPORTED, none.archive(none.index(Archives.named("multi:2"), onlyForeign)));
        assertTrue(failure.getMessage().contains("multi:2 is not for linux/amd64 but for linux/riscv64"), failure.getMessage());
    }

    @Test
    void digestsAreVerified() throws Exception {
        TreeSet<String> before = content();
        Tar wrongLayer = new Tar().file("l", new Tar().file("hello", "HELLO world").toBytes()).file("c.json", Archives.config("amd64", LAYER))
                .file("manifest.json", "[{\"Config\":\"c.json\",\"RepoTags\":[\"a\"],\"Layers\":[\"l\"]}]");
        assertTrue(refusal(Kind.INVALID, wrongLayer.toBytes()).getMessage().contains("instead of " + Digest.of(LAYER)));
        String hex = "0".repeat(64);
        refusal(Kind.INVALID, new Tar().file("l", LAYER).file(hex + ".json", Archives.config("amd64", LAYER))
                .file("manifest.json", "[{\"Config\":\"" + hex + ".json\",\"RepoTags\":[\"a\"],\"Layers\":[\"l\"]}]").toBytes());
        Layout layout = new Layout();
        String manifest = layout.image("amd64", "", LAYER, LAYER, "");
        layout.blob("x", Archives.bytes("{}"), "");
        byte[] archive = layout.archive(manifest);
        int at = new String(archive, java.nio.charset.StandardCharsets.ISO_8859_1).indexOf("hello world");
        archive[at] = 'H';
        refusal(Kind.INVALID, archive);
        assertEquals(before, content());
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "[]", "{}", "nonsense", "[{\"Config\":\"absent\",\"Layers\":[]}]", "[{\"Config\":\"c\",\"Layers\":[]}]",
        "[{\"Config\":\"c\",\"Layers\":[\"../../../etc/passwd\"]}]", "[{\"Config\":\"c\",\"Layers\":[\"l\",\"l\"]}]",
        "[{\"Config\":\"c\",\"RepoTags\":[\"UPPER\"],\"Layers\":[\"l\"]}]", "[{\"Config\":\"l\",\"Layers\":[\"l\"]}]", "[null]", "[[[[]]]]",
        "[{\"Config\":\"loop\",\"Layers\":[\"l\"]}]",
    })
    void nonsenseManifestsAreRefused(String manifest) throws Exception {
        TreeSet<String> before = content();
        refusal(Kind.INVALID, new Tar().file("l", LAYER).file("c", Archives.config("amd64", LAYER)).symlink("loop", "loop2").symlink("loop2", "loop")
                .file("manifest.json", manifest).toBytes());
        assertEquals(before, content());
    }

    /** In a layer a device is data, and a container's cgroup says whether it may open it; an archive has none to give. */
    @Test
    void devicesAndFifosBesideTheLayersAreRefused() throws Exception {
        TreeSet<String> before = content();
        for (byte type : new byte[] {TarConstants.LF_CHR, TarConstants.LF_BLK, TarConstants.LF_FIFO}) {
            assertTrue(refusal(Kind.INVALID, new Tar().entry("manifest.json", type, entry -> { }).toBytes()).getMessage().contains("is a device or fifo"));
        }
        assertEquals(before, content());
    }

    @Test
    void noImageIsSaid() {
        assertTrue(refusal(Kind.INVALID, new Tar().file("a", "").toBytes()).getMessage().contains("neither manifest.json nor index.json"));
        refusal(Kind.INVALID, new byte[0]);
        refusal(Kind.INVALID, Archives.bytes("not a tar archive".repeat(100)));
    }

    @Test
    void aCutArchiveChangesNothing() throws Exception {
        load(hello("kept").toBytes());
        TreeSet<String> before = content();
        List<Image> images = store.list();
        long descriptors = openDescriptors();
        Random random = new Random(42);
        byte[] noise = new byte[20_000];
        random.nextBytes(noise);
        byte[] plain = ImageBuilder.image("cut").file("a", 0644, noise).layer().file("b", 0644, Arrays.copyOf(noise, 700)).toBytes();
        int trailer = 0; // the end mark and tar's padding are zeros, which a cut only shortens
        while (plain[plain.length - trailer - 1] == 0) {
            trailer++;
        }
        for (byte[] archive : List.of(plain, Archives.gzip(plain), Archives.zstd(plain))) {
            int end = archive == plain ? plain.length - trailer : archive.length;
            for (int i = 0; i < 60; i++) {
                byte[] cut = Arrays.copyOf(archive, random.nextInt(end));
                refusal(Kind.INVALID, cut);
            }
        }
        assertEquals(before, content());
        assertEquals(images, store.list());
        long after = openDescriptors();
        assertTrue(after <= descriptors, descriptors + " open before, " + after + " after 180 refusals"); // fewer: connections of an earlier class end
        load(plain);
        assertEquals(2, store.list().size());
    }

    @Test
    void bombsAreRefused() throws Exception {
        ImageLimits small = new ImageLimits(1 << 20, 5, 1 << 12, 1 << 13, 2, 1 << 17, 100, 1 << 12, 20, 1 << 14);
        store = reopened(small);
        TreeSet<String> before = content();
        byte[] zeros = new byte[1 << 16];
        byte[] bomb = ImageBuilder.image("bomb").file("zeros", 0644, zeros).toBytes();
        assertTrue(refusal(Kind.INVALID, Archives.gzip(bomb)).getMessage().contains("more than 20 times its size"));
        assertTrue(refusal(Kind.INVALID, Archives.zstd(bomb)).getMessage().contains("more than 20 times its size"));
        Layout layout = new Layout();
        byte[] layer = new Tar().file("zeros", zeros).toBytes();
        String manifest = layout.image("amd64", "", layer, Archives.gzip(layer), "");
        assertTrue(refusal(Kind.INVALID, layout.archive(manifest)).getMessage().contains("layer " + Digest.of(layer).abbreviated() + " unpacks to more than 20"));
        assertTrue(refusal(Kind.INVALID, ImageBuilder.image("a").file("big", 0644, new byte[1 << 18]).toBytes()).getMessage().contains("more than 131072 bytes"));
        assertTrue(refusal(Kind.INVALID, ImageBuilder.image("a").file("big", 0644, new byte[1 << 20]).toBytes()).getMessage().contains("more than 1048576 bytes"));
        assertTrue(refusal(Kind.INVALID, hello("a").layer().layer().text("x", "").toBytes()).getMessage().contains("3 layers; 2 are allowed"));
        assertTrue(refusal(Kind.INVALID, hello("a").label("big", "x".repeat(1 << 12)).toBytes()).getMessage().contains("4096 are allowed for a document"));
        String one = "{\"Config\":\"c\",\"Layers\":[\"l\"]}";
        String often = "[" + (one + ",").repeat(60) + one + "]";
        assertTrue(refusal(Kind.INVALID, new Tar().file("c", Archives.config("amd64", LAYER)).file("l", LAYER).file("manifest.json", often).toBytes())
                .getMessage().contains("more than 8192 bytes of manifests and configs"));
        assertTrue(refusal(Kind.INVALID, new Tar().file("n".repeat(1025), "").toBytes()).getMessage().contains("more than 1024 bytes"));
        Tar many = new Tar();
        IntStream.range(0, 6).forEach(i -> many.directory("d" + i));
        assertTrue(refusal(Kind.INVALID, many.toBytes()).getMessage().contains("more than 5 entries"));
        ImageBuilder manyFiles = ImageBuilder.image("a");
        IntStream.range(0, 101).forEach(i -> manyFiles.text("f" + i, ""));
        assertTrue(refusal(Kind.INVALID, manyFiles.toBytes()).getMessage().contains("more than 100 entries"));
        assertEquals(before, content());
    }

    @Test
    void loadsSideBySideAreOneImage() throws Exception {
        byte[] archive = hello("same").layer().text("etc/more", "more").toBytes();
        ExecutorService threads = Executors.newFixedThreadPool(6);
        try {
            List<Callable<List<String>>> loads = IntStream.range(0, 12).mapToObj(i -> (Callable<List<String>>) () -> {
                List<String> loaded = load(i % 3 == 0 ? hello("other" + i).toBytes() : archive);
                if (i % 4 == 0) { // none is there where the others' removals took the images of several loads
                    store.list().stream().findFirst().ifPresent(image -> store.remove(image.id(), true));
                }
                return loaded;
            }).toList();
            for (Future<List<String>> load : threads.invokeAll(loads)) {
                try {
                    load.get();
                } catch (java.util.concurrent.ExecutionException failure) {
                    // two may remove the same image
                    if (!(failure.getCause() instanceof RuntimeShimException known && known.kind() == Kind.NOT_FOUND)) {
                        throw failure;
                    }
                }
            }
        } finally {
            threads.shutdownNow();
        }
        load(archive);
        for (Image image : store.list()) {
            assertTrue(store.layerDirectories(image).stream().allMatch(layer -> Files.exists(layer.resolve("etc"))), image.id());
        }
        assertEquals(0, entries("tmp"));
        assertEquals(store.list().stream().flatMap(image -> image.layers().stream()).distinct().count(), entries("layers"));
        assertEquals(store.list().size(), entries("blobs/sha256"));
    }

    @Test
    void howAnImageWasMadeIsTold() throws Exception {
        byte[] second = new Tar().file("more", "more").toBytes();
        String diffIds = "[\"%s\",\"%s\"]".formatted(Digest.of(LAYER), Digest.of(second));
        byte[] config = Archives.bytes("""
                {"architecture":"amd64","os":"linux","author":"edge","docker_version":"28","rootfs":{"type":"layers","diff_ids":%s},"history":[
                {"created":"2024-01-01T00:00:00Z","created_by":"COPY hello /"},{"created_by":"ENV A=1","empty_layer":true},
                {"created_by":"COPY more /","comment":"buildkit"},{"created_by":"one step too many"}]}""".formatted(diffIds));
        load(new Tar().file("a", LAYER).file("b", second).file("c.json", config)
                .file("manifest.json", "[{\"Config\":\"c.json\",\"RepoTags\":[\"made:1\"],\"Layers\":[\"a\",\"b\"]}]").toBytes());
        ImageDetails details = store.details(store.find("made:1"));
        assertEquals("edge", details.author());
        assertEquals("28", details.dockerVersion());
        assertEquals(List.of("COPY hello / 11", "ENV A=1 0", "COPY more / 4", "one step too many 0"),
                details.history().stream().map(step -> step.createdBy() + " " + step.size()).toList());
        assertEquals("2024-01-01T00:00:00Z", details.history().get(0).created().toString());
        load(hello("plain").toBytes());
        assertEquals(ImageDetails.NONE, store.details(store.find("plain")));
    }

    @Test
    void leftoversOfACrashAreRemoved() throws Exception {
        load(hello("kept").toBytes());
        TreeSet<String> before = content();
        Path orphan = Files.createDirectories(directory.resolve("layers/" + "a".repeat(64) + "/diff"));
        Files.writeString(orphan.resolve("file"), "x");
        Files.writeString(directory.resolve("blobs/sha256/" + "b".repeat(64)), "{}");
        Files.createDirectories(directory.resolve("tmp/load-1/layers/x/diff"));
        store = reopened(ImageLimits.defaults());
        assertEquals(before, content());
        assertNotNull(store.find("kept"));
    }

    @Test
    void aDamagedImageIsLeftOutAndCanBeLoadedAgain() throws Exception {
        load(hello("damaged").toBytes());
        load(hello("whole").text("more", "more").toBytes());
        String layer = store.find("damaged").layers().get(0).substring(7);
        Disk.removeTree(directory.resolve("layers/" + layer));
        store = reopened(ImageLimits.defaults());
        assertNull(store.find("damaged"));
        assertNotNull(store.find("whole"));
        load(hello("damaged").toBytes());
        assertEquals("hello", Files.readString(store.layerDirectories(store.find("damaged")).get(0).resolve("etc/hello")));
    }

    @Test
    void findsByNameIdAndPrefix() {
        load(hello("busybox").toBytes());
        Image image = store.find("busybox");
        String hex = image.id().substring(7);
        for (String reference : List.of("busybox:latest", "docker.io/library/busybox", "library/busybox:latest", image.id(), hex, hex.substring(0, 4),
                "sha256:" + hex.substring(0, 12))) {
            assertEquals(image, store.find(reference), reference);
        }
        for (String reference : List.of("", hex.substring(0, 3), "busybox:1", "other", "Busybox", "busybox@" + image.id(), "..", hex + "0")) {
            assertNull(store.find(reference), reference);
        }
    }

    @Test
    void aTagMovesToTheNewImage() {
        load(hello("app").toBytes());
        Image old = store.find("app");
        load(hello("app").text("new", "new").toBytes());
        assertNotEquals(old.id(), store.find("app").id());
        assertEquals(List.of(), store.find(old.id()).tags());
        store.tag(old.id(), "edge.example/app:old");
        assertEquals(old.id(), store.find("edge.example/app:old").id());
        assertEquals(Kind.NOT_FOUND, assertThrows(RuntimeShimException.class, () -> store.tag("absent", "x")).kind());
        assertEquals("No such image: absent:latest", assertThrows(RuntimeShimException.class, () -> store.tag("absent", "x")).getMessage());
        assertThrows(RuntimeShimException.class, () -> store.tag("app", "x@" + old.id()));
        assertThrows(RuntimeShimException.class, () -> store.tag("app", "sha256:x"));
    }

    @Test
    void removingTheLastNameRemovesTheImage() throws Exception {
        load(hello("a").toBytes());
        load(hello("b").layer().text("own", "own").toBytes()); // shares its first layer
        store.tag("b", "b:2");
        Image b = store.find("b");
        assertEquals(List.of("Untagged: b:2"), store.remove("b:2", false));
        assertEquals(List.of("Untagged: b:latest", "Deleted: " + b.id(), "Deleted: " + b.layers().get(1)), store.remove("b", false));
        assertNull(store.find(b.id()));
        assertEquals(1, entries("layers"));
        Image a = store.find("a");
        assertEquals(List.of("Untagged: a:latest", "Deleted: " + a.id(), "Deleted: " + a.layers().get(0)), store.remove(a.id().substring(7, 19), false));
        assertEquals(0, entries("layers"));
        assertEquals(0, entries("blobs/sha256"));
        assertEquals(Kind.NOT_FOUND, assertThrows(RuntimeShimException.class, () -> store.remove("a", true)).kind());
        assertEquals(List.of(), reopened(ImageLimits.defaults()).list());
    }

    @Test
    void anImageInUseStays() {
        load(hello("used").toBytes());
        Image image = store.find("used");
        String shortId = image.id().substring(7, 19);
        store.keepWhile(image.id()::equals);
        RuntimeShimException byName = assertThrows(RuntimeShimException.class, () -> store.remove("used", false));
        assertEquals(Kind.CONFLICT, byName.kind());
        assertEquals("conflict: unable to remove repository reference \"used\" (must force) - a container is using its referenced image " + shortId,
                byName.getMessage());
        assertEquals(Kind.CONFLICT, assertThrows(RuntimeShimException.class, () -> store.remove(shortId, false)).kind());
        store.tag("used", "other");
        assertTrue(assertThrows(RuntimeShimException.class, () -> store.remove(shortId, false)).getMessage().contains("multiple repositories"));
        assertEquals(List.of("Untagged: other:latest"), store.remove("other", false));

        assertEquals(List.of("Untagged: used:latest"), store.remove("used", true));
        assertNull(store.find("used"));
        assertTrue(Files.exists(store.layerDirectories(store.find(image.id())).get(0)), "its layers are mounted");
        store.keepWhile(id -> false);
        assertEquals("Deleted: " + image.id(), store.remove(image.id(), false).get(0));
        assertFalse(store.list().contains(image));
    }
}
