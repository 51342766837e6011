package dev.starling.runtime.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.RuntimeShimException.Kind;
import dev.starling.runtime.image.Archives.Tar;
import dev.starling.runtime.registry.BandwidthLimit;
import dev.starling.runtime.registry.ImagePuller;
import dev.starling.runtime.registry.Registries;
import dev.starling.runtime.registry.RegistrySettings;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is saved is what came: the same image for whoever loads it, byte for byte. */
class ImageExportTest {
    private static final MachinePlatform AMD64 = new MachinePlatform("linux", "amd64", "");
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    Path directory;

    private LocalImageStore store;

    @BeforeEach
    void open() throws Exception {
        Root.required();
        store = storeIn("store");
    }

    private LocalImageStore storeIn(String name) {
        return new LocalImageStore(directory.resolve(name), ImageLimits.defaults(), AMD64);
    }

    private static byte[] save(LocalImageStore from, String... names) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try {
            from.save(List.of(names), out);
        } catch (IOException impossible) {
            throw new AssertionError(impossible);
        }
        return out.toByteArray();
    }

    private static Map<String, byte[]> entries(byte[] archive) throws IOException {
        Map<String, byte[]> entries = new LinkedHashMap<>();
        TarArchiveInputStream tar = new TarArchiveInputStream(new ByteArrayInputStream(archive));
        for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
            assertNull(entries.put(entry.getName(), tar.readAllBytes()), entry.getName() + " is there once");
        }
        return entries;
    }

    private static byte[] noise(int size) {
        byte[] noise = new byte[size];
        new Random(3).nextBytes(noise);
        return noise;
    }

    /** All that a layer's tar may have and an unpacked layer does not show: order, odd headers, padding, what comes after the end. */
    private static byte[] oddLayer() {
        byte[] tar = new Tar().directory("etc").file("etc/empty", "").file("etc/passwd", "root:x:0:0::/:/bin/sh\n")
                .file("./noise", noise(200_000)).hardLink("etc/again", "etc/passwd").symlink("etc/link", "../../outside")
                .file("d/" + "long/".repeat(40) + "name", "long").entry("fifo", TarConstants.LF_FIFO, entry -> { })
                .entry("etc/.wh.gone", TarConstants.LF_NORMAL, entry -> { }).directory("opaque")
                .entry("opaque/.wh..wh..opq", TarConstants.LF_NORMAL, entry -> { })
                .entry(".wh.both", TarConstants.LF_NORMAL, entry -> { }).file("both", "takes the place of what was below")
                .entry(".wh..wh.aufs", TarConstants.LF_NORMAL, new byte[] {1, 2, 3}, entry -> { })
                .entry("user", TarConstants.LF_NORMAL, new byte[] {9}, entry -> {
                    entry.setUserName("someone");
                    entry.setIds(70_000, 3_000_000);
                    entry.setModTime(1_700_000_123_456L);
                }).toBytes();
        byte[] longer = java.util.Arrays.copyOf(tar, tar.length + 5_120);
        longer[longer.length - 1] = 7; // no archiver does that; its digest counts all the same
        return longer;
    }

    @Test
    void whatWasLoadedIsSavedAsItCame() throws Exception {
        byte[] odd = oddLayer();
        byte[] second = new Tar().file("b", "b").toBytes();
        store.load(new ByteArrayInputStream(Archives.dockerSave("odd:1", odd, second)));
        Image image = store.find("odd:1");
        byte[] archive = save(store, "odd:1");
        assertArrayEquals(odd, entries(archive).get("blobs/sha256/" + Digest.of(odd).hex()));
        assertArrayEquals(archive, save(store, image.id(), "odd:1"), "the same image is written once, and in the same bytes");

        LocalImageStore other = storeIn("other");
        assertEquals(List.of("Loaded image: odd:1"), other.load(new ByteArrayInputStream(archive)));
        assertEquals(image, other.find("odd:1"));
        assertArrayEquals(archive, save(other, "odd"), "a copy of the copy");
    }

    @Test
    void itIsAnOciLayoutToo() throws Exception {
        store.load(new ByteArrayInputStream(Archives.dockerSave("team/app:1", new Tar().file("a", "a").toBytes())));
        Map<String, byte[]> entries = entries(save(store, "team/app:1"));
        assertEquals("1.0.0", JSON.readTree(entries.get("oci-layout")).path("imageLayoutVersion").asText());
        JsonNode descriptor = JSON.readTree(entries.get("index.json")).path("manifests").get(0);
        assertEquals("docker.io/team/app:1", descriptor.path("annotations").path("io.containerd.image.name").asText());
        byte[] manifest = entries.get("blobs/sha256/" + descriptor.path("digest").asText().substring(7));
        assertEquals(descriptor.path("size").asInt(), manifest.length);
        Image image = store.find("team/app:1");
        assertEquals(image.id(), JSON.readTree(manifest).path("config").path("digest").asText());
        assertEquals(image.layers().get(0), JSON.readTree(manifest).path("layers").get(0).path("digest").asText());
        entries.remove("manifest.json");
        Tar layoutOnly = new Tar();
        entries.forEach((name, content) -> {
            if (!name.endsWith("/")) {
                layoutOnly.file(name, content);
            }
        });
        LocalImageStore other = storeIn("other");
        other.load(new ByteArrayInputStream(layoutOnly.toBytes()));
        assertEquals(image.id(), other.find("team/app:1").id());
    }

    @Test
    void whatWasPulledKeepsItsDigestAndItsCompressedLayers() throws Exception {
        try (FakeRegistry registry = new FakeRegistry();
                ImagePuller puller = new ImagePuller(store, new Registries(RegistrySettings.DEFAULTS), new BandwidthLimit(0), 2)) {
            byte[] layer = new Tar().file("noise", noise(50_000)).toBytes();
            String digest = registry.image("app", "1", layer);
            Image image = puller.pull(registry.host() + "/app:1", RegistryCredentials.NONE, PullProgress.NONE);
            Map<String, byte[]> entries = entries(save(store, image.tags().get(0)));
            assertEquals(digest, JSON.readTree(entries.get("index.json")).path("manifests").get(0).path("digest").asText());
            assertArrayEquals(Archives.gzip(layer), entries.get("blobs/sha256/" + Digest.of(Archives.gzip(layer)).hex()));
            LocalImageStore other = storeIn("other");
            other.load(new ByteArrayInputStream(save(store, image.id())));
            assertEquals(image.layers(), other.find(image.id()).layers());
        }
    }

    @Test
    void aNameWithoutTagIsAllOfTheRepositoryAndAnIdIsNoName() throws Exception {
        byte[] shared = new Tar().file("a", "a").toBytes();
        store.load(new ByteArrayInputStream(Archives.dockerSave("app:1", shared, new Tar().file("b", "1").toBytes())));
        store.load(new ByteArrayInputStream(Archives.dockerSave("app:2", shared, new Tar().file("b", "2").toBytes())));
        store.tag("app:2", "other:1");
        JsonNode all = JSON.readTree(entries(save(store, "app")).get("manifest.json"));
        assertEquals(2, all.size());
        assertEquals("[[\"app:1\"],[\"app:2\"]]", all.findValues("RepoTags").stream().map(JsonNode::toString).sorted().toList().toString()
                .replace(" ", ""));
        assertEquals("[]", JSON.readTree(entries(save(store, store.find("app:1").id())).get("manifest.json")).get(0).path("RepoTags").toString());
        RuntimeShimException unknown = assertThrows(RuntimeShimException.class, () -> save(store, "app:1", "nosuch"));
        assertEquals("No such image: nosuch:latest", unknown.getMessage());
    }

    @Test
    void aLayerThatReplacesItsOwnFileIsRefusedBeforeAnythingIsWritten() {
        byte[] twice = new Tar().file("a", "first").file("a", "second").toBytes();
        store.load(new ByteArrayInputStream(Archives.dockerSave("twice", twice)));
        OutputStream untouched = new OutputStream() {
            @Override
            public void write(int value) {
                throw new AssertionError("written to");
            }
        };
        RuntimeShimException refused = assertThrows(RuntimeShimException.class, () -> store.save(List.of("twice"), untouched));
        assertEquals(Kind.CONFLICT, refused.kind());
        assertTrue(refused.getMessage().contains(Digest.of(twice).abbreviated()), refused.getMessage());
    }

    @Test
    void anImageThatIsRemovedWhileItIsSavedIsSavedWhole() throws Exception {
        byte[] layer = new Tar().file("noise", noise(300_000)).file("last", "last").toBytes();
        store.load(new ByteArrayInputStream(Archives.dockerSave("app:1", layer)));
        Image image = store.find("app:1");
        ByteArrayOutputStream whole = new ByteArrayOutputStream();
        List<String> removed = new ArrayList<>();
        store.save(List.of("app:1"), new OutputStream() {
            @Override
            public void write(int value) {
                whole.write(value);
            }

            @Override
            public void write(byte[] source, int offset, int length) {
                if (removed.isEmpty()) {
                    removed.addAll(store.remove("app:1", true));
                }
                whole.write(source, offset, length);
            }
        });
        assertEquals(List.of("Untagged: app:1", "Deleted: " + image.id()), removed, "its layers stay for the moment");
        LocalImageStore other = storeIn("other");
        other.load(new ByteArrayInputStream(whole.toByteArray()));
        assertEquals(image, other.find("app:1"));
    }

    @Test
    void aFileThatChangedOnThisDiskIsTold() throws Exception {
        store.load(new ByteArrayInputStream(Archives.dockerSave("app:1", new Tar().file("a", "right").toBytes())));
        Files.writeString(store.layerDirectories(store.find("app:1")).get(0).resolve("a"), "wrong");
        RuntimeShimException failure = assertThrows(RuntimeShimException.class, () -> save(store, "app:1"));
        assertEquals(Kind.SYSTEM, failure.kind());
        assertTrue(failure.getMessage().contains("is not what it was"), failure.getMessage());
    }

    @Test
    void skopeoReadsIt() throws Exception {
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/skopeo")), "skopeo is not installed");
        byte[] odd = oddLayer();
        store.load(new ByteArrayInputStream(Archives.dockerSave("odd:1", odd)));
        Path archive = Files.write(directory.resolve("odd.tar"), save(store, "odd:1"));
        Files.createDirectory(directory.resolve("layout"));
        for (String[] command : new String[][] {
            {"skopeo", "inspect", "docker-archive:" + archive},
            {"skopeo", "--insecure-policy", "copy", "docker-archive:" + archive + ":odd:1", "oci:" + directory.resolve("copy") + ":1"},
            {"tar", "-xf", archive.toString(), "-C", directory.resolve("layout").toString()},
            {"skopeo", "inspect", "oci:" + directory.resolve("layout") + ":1"}}) {
            Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertTrue(process.waitFor(90, TimeUnit.SECONDS));
            assertEquals(0, process.exitValue(), String.join(" ", command) + ": " + output);
            assertTrue(command[0].equals("tar") || command[2].equals("copy") || output.contains(Digest.of(odd).toString()), output);
        }
    }
}
