package dev.starling.runtime.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.github.luben.zstd.Zstd;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.RuntimeShimException.Kind;
import dev.starling.runtime.image.Archives.Tar;
import dev.starling.runtime.registry.Proxies;
import dev.starling.runtime.registry.Registries;
import dev.starling.runtime.registry.RegistrySettings;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Pulls from a registry with faults: what comes is verified, what broke goes on, what is hostile is refused and leaves nothing. */
@Timeout(60)
class PullTest extends PullForEachTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final RegistryCredentials EDGE = new RegistryCredentials("edge", "s3cret");

    private static byte[] gzip(byte[] plain) throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (GZIPOutputStream out = new GZIPOutputStream(bytes)) {
            out.write(plain);
        }
        return bytes.toByteArray();
    }

    /** Does not compress, so that downloads have a length. */
    private static byte[] noise(int size) {
        byte[] noise = new byte[size];
        new Random(7).nextBytes(noise);
        return noise;
    }

    private static ObjectNode descriptor(String mediaType, String digest, long size) {
        return JSON.createObjectNode().put("mediaType", mediaType).put("digest", digest).put("size", size);
    }

    /** A manifest over layers, as plain and as in the registry. */
    private byte[] manifest(String architecture, byte[][] plain, byte[][] compressed) throws Exception {
        ObjectNode config = JSON.createObjectNode().put("os", "linux").put("architecture", architecture);
        ObjectNode rootFs = config.putObject("rootfs").put("type", "layers");
        var diffIds = rootFs.putArray("diff_ids");
        ObjectNode manifest = JSON.createObjectNode().put("schemaVersion", 2).put("mediaType", "application/vnd.oci.image.manifest.v1+json");
        var layers = manifest.putArray("layers");
        for (int i = 0; i < plain.length; i++) {
            diffIds.add(Digest.of(plain[i]).toString());
            layers.add(descriptor("application/vnd.oci.image.layer.v1.tar+gzip", registry.blob(compressed[i]), compressed[i].length));
        }
        byte[] bytes = JSON.writeValueAsBytes(config);
        manifest.set("config", descriptor("application/vnd.oci.image.config.v1+json", registry.blob(bytes), bytes.length));
        return JSON.writeValueAsBytes(manifest);
    }

    private byte[] twoLayers() throws Exception {
        byte[] lower = new Tar().file("hello", "hello world").file("noise", noise(3 << 20)).toBytes();
        byte[] upper = new Tar().file("other", "second").toBytes();
        return manifest("amd64", new byte[][] {lower, upper}, new byte[][] {gzip(lower), Zstd.compress(upper)});
    }

    private String name(String tail) {
        return registry.host() + "/app" + tail;
    }

    private Image pull(String tail) {
        return puller.pull(name(tail), RegistryCredentials.NONE, PullProgress.NONE);
    }

    private RuntimeShimException refusal(Kind kind, String tail) {
        RuntimeShimException failure = assertThrows(RuntimeShimException.class, () -> pull(tail));
        assertEquals(kind, failure.kind(), failure.getMessage());
        assertEquals(List.of(), store.list());
        return failure;
    }

    private long blobRequests(String digest) {
        return registry.requests.stream().filter(request -> request.contains("/blobs/" + digest)).count();
    }

    private List<String> names(String below) throws Exception {
        try (Stream<Path> files = Files.list(home.resolve(below))) {
            return files.map(file -> file.getFileName().toString()).toList();
        }
    }

    @Test
    void gzipAndZstdLayersComeFromAnIndexForThisPlatform() throws Exception {
        byte[] manifest = twoLayers();
        ObjectNode index = JSON.createObjectNode().put("schemaVersion", 2).put("mediaType", "application/vnd.oci.image.index.v1+json");
        var manifests = index.putArray("manifests");
        manifests.add(descriptor("application/vnd.oci.image.manifest.v1+json", Digest.of("arm".getBytes()).toString(), 3)
                .set("platform", JSON.createObjectNode().put("os", "linux").put("architecture", "arm64")));
        manifests.add(descriptor("application/vnd.oci.image.manifest.v1+json", registry.manifest("app", "none", manifest), manifest.length)
                .set("platform", JSON.createObjectNode().put("os", "linux").put("architecture", "amd64")));
        String digest = registry.manifest("app", "1", JSON.writeValueAsBytes(index));
        Image image = pull(":1");
        assertEquals(List.of(name(":1")), image.tags());
        assertTrue(image.digests().contains(name("@" + digest)), image.digests().toString());
        assertEquals("hello world", Files.readString(store.layerDirectories(image).get(0).resolve("hello")));
        assertEquals("second", Files.readString(store.layerDirectories(image).get(1).resolve("other")));
        assertEquals(image, store.find(name("@" + digest)));
        assertEquals(image, store.find(name(":whatever@" + digest)));
        RemoteImage resolved = puller.resolve(name(":1"), RegistryCredentials.NONE);
        assertEquals(digest, resolved.digest().toString());
        assertEquals(List.of("linux/arm64", "linux/amd64"), resolved.platforms().stream().map(MachinePlatform::toString).toList());
    }

    @Test
    void whatIsHereIsNotFetchedAgainAndSurvivesARestart() throws Exception {
        registry.manifest("app", "1", twoLayers());
        pull(":1");
        int before = registry.requests.size();
        open(ImageLimits.defaults());
        pull(":1");
        assertEquals(1, registry.requests.size() - before - registry.requests.stream().skip(before).filter(r -> r.contains("/blobs/")).count());
        assertEquals(1, store.list().size());
    }

    @Test
    void aBrokenDownloadGoesOnWhereItWas() throws Exception {
        byte[] manifest = twoLayers();
        registry.manifest("app", "1", manifest);
        registry.breakAfter = 500_000;
        registry.breaks.set(4);
        assertNotNull(pull(":1"));
        assertTrue(registry.requests.stream().anyMatch(request -> request.endsWith("bytes=500000-")), registry.requests.toString());
    }

    @Test
    void aDownloadGoesOnAfterARestart() throws Exception {
        registry.manifest("app", "1", twoLayers());
        String layer = RemoteManifest.layersOf(registry.manifests.get("app/1")).get(0).hex();
        Files.createDirectories(home.resolve("downloads"));
        byte[] blob = registry.blobs.get("sha256:" + layer);
        Files.write(home.resolve("downloads/" + layer + ".part"), java.util.Arrays.copyOf(blob, 1_000_000));
        open(ImageLimits.defaults());
        assertNotNull(pull(":1"));
        assertTrue(registry.requests.contains("/v2/app/blobs/sha256:" + layer + " bytes=1000000-"), registry.requests.toString());
        assertEquals(List.of(), names("downloads"));
    }

    @Test
    void wrongBytesAreRefusedAndNothingStays() throws Exception {
        byte[] manifest = twoLayers();
        registry.manifest("app", "1", manifest);
        String layer = RemoteManifest.layersOf(manifest).get(0).toString();
        registry.blobs.computeIfPresent(layer, (digest, content) -> {
            byte[] changed = content.clone();
            changed[changed.length / 2] ^= 1;
            return changed;
        });
        assertTrue(refusal(Kind.INVALID, ":1").getMessage().contains("not what its digest says"));
        assertTrue(names("downloads").stream().noneMatch(name -> name.startsWith(layer.substring(7))), names("downloads").toString());
        assertEquals(List.of(), names("layers"));
        assertEquals(List.of(), names("tmp"));
    }

    /** Each with a digest that is right, of what was cut: only the content tells. */
    @Test
    void truncatedLayersAreRefused() throws Exception {
        byte[] whole = new Tar().file("noise", noise(100_000)).toBytes();
        byte[] packed = gzip(whole);
        byte[] cutPacked = java.util.Arrays.copyOf(packed, packed.length / 2);
        registry.manifest("app", "gzip", manifest("amd64", new byte[][] {whole}, new byte[][] {cutPacked}));
        assertTrue(refusal(Kind.INVALID, ":gzip").getMessage().contains("truncated or damaged"));
        byte[] zstd = Zstd.compress(whole);
        registry.manifest("app", "zstd", manifest("amd64", new byte[][] {whole}, new byte[][] {java.util.Arrays.copyOf(zstd, zstd.length - 9)}));
        assertTrue(refusal(Kind.INVALID, ":zstd").getMessage().contains("truncated or damaged"));
        byte[] cutTar = java.util.Arrays.copyOf(whole, 50_000);
        registry.manifest("app", "tar", manifest("amd64", new byte[][] {cutTar}, new byte[][] {gzip(cutTar)}));
        assertTrue(refusal(Kind.INVALID, ":tar").getMessage().contains("truncated or damaged"));
        assertEquals(List.of(), names("layers"));
        assertEquals(List.of(), names("tmp"));
    }

    @Test
    void aLayerThatIsNotWhatTheConfigSaysIsRefused() throws Exception {
        byte[] said = new Tar().file("a", "1").toBytes();
        byte[] sent = new Tar().file("a", "2").toBytes();
        registry.manifest("app", "1", manifest("amd64", new byte[][] {said}, new byte[][] {gzip(sent)}));
        assertTrue(refusal(Kind.INVALID, ":1").getMessage().contains("has the digest"));
        assertEquals(List.of(), names("layers"));
    }

    @Test
    void aBombAHostilePathAndAnEndlessIndexAreRefused() throws Exception {
        byte[] bomb = new Tar().file("zeros", new byte[8 << 20]).toBytes();
        registry.manifest("app", "bomb", manifest("amd64", new byte[][] {bomb}, new byte[][] {gzip(bomb)}));
        ImageLimits d = ImageLimits.defaults();
        open(new ImageLimits(d.archiveBytes(), d.archiveEntries(), 64 << 10, d.allDocumentBytes(), d.layers(), d.layerBytes(), d.layerEntries(),
                d.layerNameBytes(), 100, 1 << 20));
        assertTrue(refusal(Kind.INVALID, ":bomb").getMessage().contains("100 times"));

        byte[] out = new Tar().file("../../escaped", "x").toBytes();
        registry.manifest("app", "path", manifest("amd64", new byte[][] {out}, new byte[][] {out}));
        refusal(Kind.INVALID, ":path");
        assertTrue(Files.notExists(directory.resolve("escaped")));

        byte[] inner = "{\"schemaVersion\":2,\"manifests\":[]}".getBytes();
        for (int depth = 0; depth < 6; depth++) {
            ObjectNode index = JSON.createObjectNode().put("schemaVersion", 2);
            index.putArray("manifests").add(descriptor("application/vnd.oci.image.index.v1+json", registry.manifest("app", "deep", inner), inner.length));
            inner = JSON.writeValueAsBytes(index);
        }
        registry.manifest("app", "deep", inner);
        assertTrue(refusal(Kind.INVALID, ":deep").getMessage().contains("nested"));

        registry.manifest("app", "huge", ("{\"x\":\"" + "a".repeat(70 << 10) + "\"}").getBytes());
        assertTrue(refusal(Kind.INVALID, ":huge").getMessage().contains("65536"));
        registry.manifest("app", "nonsense", "{\"schemaVersion\":".getBytes());
        refusal(Kind.INVALID, ":nonsense");
    }

    @Test
    void whatIsNotThereIsSaidInDockersWords() {
        assertEquals("manifest for " + name(":1") + " not found: manifest unknown", refusal(Kind.NOT_FOUND, ":1").getMessage());
        registry.wantsToken = true;
        registry.tokenOnlyForUser = true;
        assertTrue(refusal(Kind.NOT_FOUND, ":1").getMessage().startsWith("pull access denied for " + name("")));
        registry.close();
        assertTrue(refusal(Kind.SYSTEM, ":1").getMessage().contains("cannot be reached"));
    }

    @Test
    void tokensAndPasswordsAreShownWhereTheyAreAskedFor() throws Exception {
        registry.manifest("app", "1", twoLayers());
        registry.wantsToken = true;
        registry.tokenOnlyForUser = true;
        assertNotNull(puller.pull(name(":1"), EDGE, PullProgress.NONE));
        store.remove(name(":1"), false);
        registry.wantsToken = false;
        registry.wantsBasic = true;
        refusal(Kind.NOT_FOUND, ":1");
        Path password = Files.writeString(directory.resolve("password"), "s3cret\n");
        puller.close();
        puller = puller(store, new RegistrySettings(0, 2, Map.of(registry.host(), new RegistrySettings.Host("", null, true, "edge", password))));
        assertNotNull(pull(":1"));
    }

    @Test
    void anIdentityTokenIsExchangedForOneThatPulls() throws Exception {
        registry.manifest("app", "1", twoLayers());
        registry.wantsToken = true;
        registry.identityToken = "refresh-me";
        assertEquals(Kind.NOT_FOUND, assertThrows(RuntimeShimException.class, () -> puller.pull(name(":1"), EDGE, PullProgress.NONE)).kind());
        String header = java.util.Base64.getUrlEncoder().encodeToString("{\"identitytoken\":\"refresh-me\"}".getBytes());
        assertNotNull(puller.pull(name(":1"), RegistryCredentials.ofHeader(header), PullProgress.NONE));
    }

    @Test
    void aProxyIsAskedForWhatIsNotExcepted() throws Exception {
        registry.manifest("app", "1", twoLayers());
        String away = "registry.example:5000";
        RegistrySettings settings = new RegistrySettings(0, 2, Map.of(away, new RegistrySettings.Host("", null, true, "", null)));
        puller.close();
        // the registry answers as a proxy would: it is asked for http://registry.example:5000/v2/.. there
        puller = puller(store, settings, new Registries(settings, Proxies.of(Map.of("HTTP_PROXY", "http://" + registry.host()))));
        assertNotNull(puller.pull(away + "/app:1", RegistryCredentials.NONE, PullProgress.NONE));
        puller.close();
        puller = puller(store, settings, new Registries(settings, Proxies.of(Map.of("http_proxy", registry.host(), "NO_PROXY", ".example"))));
        RuntimeShimException direct = assertThrows(RuntimeShimException.class, () -> puller.pull(away + "/app:2", RegistryCredentials.NONE, PullProgress.NONE));
        assertTrue(direct.getMessage().contains("no such host: registry.example"), direct.getMessage());
    }

    @Test
    void aMirrorIsAskedFirstAndTheRegistryWhereItFails() throws Exception {
        registry.manifest("app", "1", twoLayers());
        try (FakeRegistry mirror = new FakeRegistry()) {
            mirror.manifests.putAll(registry.manifests);
            puller.close();
            puller = puller(store, new RegistrySettings(0, 2, Map.of(registry.host(), new RegistrySettings.Host(mirror.host(), null, true, "", null))));
            assertNotNull(pull(":1"));
            assertTrue(mirror.requests.contains("/v2/app/manifests/1"));
            assertTrue(registry.requests.stream().noneMatch(request -> request.contains("manifests")), registry.requests.toString());
        }
    }

    @Test
    void twoPullsAtOnceShareEachDownload() throws Exception {
        byte[] manifest = twoLayers();
        registry.manifest("app", "1", manifest);
        registry.manifest("app", "2", manifest);
        registry.blobMillis = 300;
        List<CompletableFuture<Image>> pulls = Stream.of(":1", ":1", ":2").map(tail -> CompletableFuture.supplyAsync(() -> pull(tail))).toList();
        pulls.forEach(CompletableFuture::join);
        for (Digest layer : RemoteManifest.layersOf(manifest)) {
            assertEquals(1, blobRequests(layer.toString()), registry.requests.toString());
        }
        assertEquals(List.of(name(":1"), name(":2")), store.list().get(0).tags());
    }

    /** As one with other credentials, or one that asks only the neighbours. */
    @Test
    void whoWaitsForAPullThatFindsNothingAsksItsOwnSources() throws Exception {
        String digest = registry.manifest("app", "1", twoLayers());
        java.util.concurrent.CountDownLatch asked = new java.util.concurrent.CountDownLatch(1);
        java.util.concurrent.CountDownLatch answered = new java.util.concurrent.CountDownLatch(1);
        ImageSource without = new ImageSource() {
            @Override
            public byte[] manifest(RegistryReference wanted) {
                asked.countDown();
                try {
                    answered.await();
                } catch (InterruptedException end) {
                    throw new IllegalStateException(end);
                }
                throw RuntimeShimException.notFound("none here");
            }

            @Override
            public InputStream blob(RegistryReference repository, Digest blob, long offset) {
                throw RuntimeShimException.notFound("none here");
            }
        };
        CompletableFuture<Void> near = CompletableFuture.runAsync(() -> puller.pullFrom(name("@" + digest), List.of(without)));
        asked.await();
        CompletableFuture<Image> own = CompletableFuture.supplyAsync(() -> pull("@" + digest));
        answered.countDown();
        assertNotNull(own.get());
        assertThrows(java.util.concurrent.ExecutionException.class, near::get);
    }

    @Test
    void aNeighbourIsAskedFirstAndOneThatLiesIsPassedOver() throws Exception {
        byte[] manifest = twoLayers();
        String digest = registry.manifest("app", "1", manifest);
        pull(":1");
        LocalImageStore neighbour = store;
        byte[] layer = registry.blobs.get(RemoteManifest.layersOf(manifest).get(0).toString());
        assertArrayEquals(layer, neighbour.readBlob(RemoteManifest.layersOf(manifest).get(0), 0, layer.length).bytes());
        assertNull(neighbour.readBlob(Digest.of(new byte[] {1}), 0, 10));

        store = new LocalImageStore(directory.resolve("second"), ImageLimits.defaults(), AMD64);
        puller.close();
        puller = puller(store, RegistrySettings.DEFAULTS);
        registry.requests.clear();
        puller.askFirst(reference -> List.of(new Neighbour(neighbour, true), new Neighbour(neighbour, false)));
        assertNotNull(pull("@" + digest));
        assertEquals(List.of(), registry.requests);
    }

    /** The registry goes on where a neighbour broke off, and is not to blame for what that one said before. */
    @Test
    void whatALiarHasBegunTheRegistryBeginsAnew() throws Exception {
        byte[] manifest = twoLayers();
        registry.manifest("app", "1", manifest);
        puller.askFirst(reference -> List.of(new ImageSource() {
            @Override
            public byte[] manifest(RegistryReference wanted) {
                throw RuntimeShimException.notFound("none");
            }

            @Override
            public InputStream blob(RegistryReference repository, Digest digest, long offset) {
                return new java.io.SequenceInputStream(new java.io.ByteArrayInputStream(new byte[100]), new InputStream() {
                    @Override
                    public int read() throws java.io.IOException {
                        throw new java.io.IOException("gone");
                    }
                });
            }
        }));
        assertNotNull(pull(":1"));
        String layer = RemoteManifest.layersOf(manifest).get(0).toString();
        assertEquals(2, blobRequests(layer), "from the 100th byte, and from the first: " + registry.requests);
    }

    /** What another node's store answers; a liar's bytes are of the right number. */
    private record Neighbour(LocalImageStore of, boolean lies) implements ImageSource {
        @Override
        public byte[] manifest(RegistryReference reference) {
            return of.readBlob(Digest.parse(reference.digest(), "test"), 0, 1 << 20).bytes();
        }

        @Override
        public InputStream blob(RegistryReference repository, Digest digest, long offset) {
            byte[] content = of.readBlob(digest, offset, 64 << 20).bytes();
            if (lies) {
                content[0] ^= 1;
            }
            return new java.io.ByteArrayInputStream(content);
        }
    }

    @Test
    void aRemovedImageLeavesNoBlob() throws Exception {
        registry.manifest("app", "1", twoLayers());
        pull(":1");
        assertEquals(4, names("blobs/sha256").size());
        store.remove(name(":1"), false);
        assertEquals(List.of(), names("blobs/sha256"));
        assertEquals(List.of(), names("layers"));
    }

    @Test
    void layersThatContainersUseStayWhateverBecomesOfTheNames() throws Exception {
        byte[] manifest = twoLayers();
        registry.manifest("app", "1", manifest);
        Path containers = directory.resolve("containers");
        store = new LocalImageStore(home, ImageLimits.defaults(), AMD64,
                () -> dev.starling.runtime.launch.Bundle.layersBelow(containers));
        puller.close();
        puller = puller(store, RegistrySettings.DEFAULTS);
        Path mounted = store.layerDirectories(pull(":1")).get(0);
        Files.createDirectories(containers.resolve("c1"));
        Files.createSymbolicLink(containers.resolve("c1/layer.0"), mounted);
        store.remove(name(":1"), true);
        assertTrue(Files.exists(mounted.resolve("hello")));
        store = new LocalImageStore(home, ImageLimits.defaults(), AMD64,
                () -> dev.starling.runtime.launch.Bundle.layersBelow(containers));
        assertTrue(Files.exists(mounted.resolve("hello")));
        assertEquals(1, names("layers").size());
    }

    @Test
    void theBandwidthHolds() throws Exception {
        registry.manifest("app", "1", twoLayers());
        puller.close();
        puller = puller(store, new RegistrySettings(2 << 20, 3, Map.of()));
        long begin = System.nanoTime();
        assertNotNull(pull(":1"));
        assertTrue(System.nanoTime() - begin > 1_000_000_000L, "3 MiB came in less than a second at 2 MiB/s");
    }
}
