package dev.starling.runtime.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.RuntimeShimException.Kind;
import dev.starling.runtime.image.Archives.Tar;
import dev.starling.runtime.registry.ImagePuller;
import dev.starling.runtime.registry.RegistrySettings;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Pulls while the machine itself fails: the disk fills up, the power goes; and a registry whose certificate a private authority has signed. */
@Timeout(60)
class PullFaultsTest extends PullForEachTest {
    private static final byte[] LOWER = new Tar().file("hello", "hello").file("noise", noise(1 << 20)).toBytes();
    private static final byte[] UPPER = new Tar().file("other", "second").toBytes();
    private static final RegistrySettings ONE_AT_A_TIME = new RegistrySettings(0, 1, Map.of());

    @BeforeEach
    void addImage() {
        registry.image("app", "1", LOWER, UPPER);
    }

    private static byte[] noise(int size) {
        byte[] noise = new byte[size];
        new Random(11).nextBytes(noise);
        return noise;
    }

    private Image pull(LocalImageStore store, RegistrySettings settings, String host, PullProgress progress) {
        return puller(store, settings).pull(host + "/app:1", RegistryCredentials.NONE, progress);
    }

    private Image pull(LocalImageStore store, PullProgress progress) {
        return pull(store, ONE_AT_A_TIME, registry.host(), progress);
    }

    private static LocalImageStore storeIn(Path path) {
        return new LocalImageStore(path, ImageLimits.defaults(), AMD64);
    }

    private static List<String> names(Path path) throws Exception {
        try (Stream<Path> files = Files.list(path)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    private static void run(String... command) throws Exception {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes());
        assertTrue(process.waitFor(20, TimeUnit.SECONDS));
        assertEquals(0, process.exitValue(), String.join(" ", command) + ": " + output);
    }

    private interface OnDisk {
        void run(Path mount) throws Exception;
    }

    private void onDiskOf(String size, OnDisk body) throws Exception {
        Path mount = Files.createDirectory(directory.resolve("disk"));
        run("/bin/mount", "-t", "tmpfs", "-o", "size=" + size, "tmpfs", mount.toString());
        try {
            body.run(mount);
        } finally {
            pullers.forEach(ImagePuller::close);
            run("/bin/umount", mount.toString());
        }
    }

    @Test
    void aDiskThatFillsUpInTheMiddleOfADownloadIsSaidAndIsNotLeftFull() throws Exception {
        onDiskOf("700k", mount -> {
            LocalImageStore store = storeIn(mount);
            RuntimeShimException full = assertThrows(RuntimeShimException.class, () -> pull(store, PullProgress.NONE));
            assertEquals(Kind.SYSTEM, full.kind());
            assertTrue(full.getMessage().contains("No space left on device"), full.getMessage());
            assertEquals(List.of(), store.list());
            String lower = Digest.of(Archives.gzip(LOWER)).hex(); // the other's download goes on, for the next try
            assertFalse(names(mount.resolve("downloads")).contains(lower + ".part"), "the part is gone");
            assertEquals(List.of(), names(mount.resolve("tmp")));
            assertEquals(List.of(), names(mount.resolve("layers")));
        });
    }

    @Test
    void aDiskThatFillsUpInTheMiddleOfUnpackingKeepsTheDownloadForTheNextTry() throws Exception {
        onDiskOf("1500k", mount -> {
            LocalImageStore store = storeIn(mount);
            RuntimeShimException full = assertThrows(RuntimeShimException.class, () -> pull(store, PullProgress.NONE));
            assertTrue(full.getMessage().contains("No space left on device"), full.getMessage()); // told by the unpacking, or by the other download beside it
            assertEquals(List.of(), store.list());
            assertEquals(List.of(), names(mount.resolve("tmp")));
            assertEquals(List.of(), names(mount.resolve("layers")));
            run("/bin/mount", "-o", "remount,size=6m", mount.toString());
            int before = registry.requests.size();
            pull(store, PullProgress.NONE);
            String lower = Digest.of(Archives.gzip(LOWER)).toString(); // the other may have been on its way while the disk was full
            assertEquals(List.of(), registry.requests.subList(before, registry.requests.size()).stream().filter(request -> request.contains(lower))
                    .toList(), "what was unpacked had come whole");
        });
    }

    /** The directory as it is at each step of a pull, as a power cut would leave it: whatever it is, it is an empty store or the image, and the pull goes on. */
    @Test
    void aPowerCutAtAnyStepLeavesNoHalfAnImage() throws Exception {
        Path live = directory.resolve("live");
        List<Path> copies = new ArrayList<>();
        pull(storeIn(live), (layer, step, current, total) -> {
            synchronized (copies) { // downloads tell of themselves from their own threads
                copies.add(copied(live, "cut-" + copies.size()));
            }
        });
        Path done = copied(live, "done");
        copies.add(done);
        // publishing has no steps to hear of: what it wrote is taken away from the end, in the reverse of its order
        copies.add(without(done, "cut-before-catalog", "images.json"));
        String config = storeIn(copied(done, "look")).list().get(0).id().substring(7);
        copies.add(without(done, "cut-before-config", "images.json", "blobs/sha256/" + config));
        for (String blob : names(done.resolve("blobs/sha256"))) {
            copies.add(without(done, "cut-before-" + blob, "images.json", "blobs/sha256/" + config, "blobs/sha256/" + blob));
        }
        for (String layer : names(done.resolve("layers"))) {
            copies.add(without(done, "cut-before-" + layer, "images.json", "blobs/sha256/" + config, "layers/" + layer));
        }
        Path torn = without(done, "cut-in-catalog", "images.json");
        Files.write(torn.resolve("images.json.new"), new byte[] {'{', '"'});
        copies.add(torn);
        assertTrue(copies.size() > 12, "only " + copies.size() + " states");
        for (Path copy : copies) {
            LocalImageStore store = storeIn(copy);
            boolean whole = copy.equals(done);
            assertEquals(whole ? 1 : 0, store.list().size(), copy.toString());
            assertEquals(List.of(), names(copy.resolve("tmp")), copy.toString());
            if (!whole) {
                assertEquals(List.of(), names(copy.resolve("layers")), copy.toString());
                assertEquals(List.of(), names(copy.resolve("blobs/sha256")), copy.toString());
            }
            Image image = pull(store, PullProgress.NONE);
            List<Path> layers = store.layerDirectories(image);
            assertEquals("hello", Files.readString(layers.get(0).resolve("hello")), copy.toString());
            assertEquals("second", Files.readString(layers.get(1).resolve("other")), copy.toString());
        }
    }

    private Path copied(Path from, String name) {
        Path to = directory.resolve(name);
        try {
            Files.walkFileTree(from, new SimpleFileVisitor<>() {
                @Override
                public FileVisitResult preVisitDirectory(Path visited, BasicFileAttributes attributes) throws java.io.IOException {
                    Files.createDirectories(to.resolve(from.relativize(visited)));
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws java.io.IOException {
                    Files.copy(file, to.resolve(from.relativize(file)));
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult visitFileFailed(Path file, java.io.IOException movedMeanwhile) {
                    return FileVisitResult.CONTINUE;
                }
            });
        } catch (java.io.IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
        return to;
    }

    private Path without(Path from, String name, String... gone) throws Exception {
        Path copy = copied(from, name);
        for (String path : gone) {
            Disk.removeTree(copy.resolve(path));
        }
        return copy;
    }

    @Test
    void aRegistryOfAPrivateAuthorityIsTrustedWhereThatIsConfigured() throws Exception {
        Path keys = directory.resolve("keys.p12");
        Path authority = directory.resolve("authority.pem");
        run("keytool", "-genkeypair", "-keystore", keys.toString(), "-storetype", "PKCS12", "-storepass", "changeit", "-alias", "registry", "-keyalg", "EC",
                "-dname", "CN=private", "-ext", "san=ip:127.0.0.1", "-validity", "30");
        run("keytool", "-exportcert", "-rfc", "-keystore", keys.toString(), "-storepass", "changeit", "-alias", "registry", "-file", authority.toString());
        try (TlsFront front = new TlsFront(keys, registry.host())) {
            RegistrySettings trusting = new RegistrySettings(0, 1, Map.of(front.host(), new RegistrySettings.Host("", authority, false, "", null)));
            assertEquals(2, pull(store, trusting, front.host(), PullProgress.NONE).layers().size());
            // 127.0.0.2 is the same listener under a name that the certificate has not
            String other = front.host().replace("127.0.0.1", "127.0.0.2");
            RegistrySettings wrongName = new RegistrySettings(0, 1, Map.of(other, new RegistrySettings.Host("", authority, false, "", null)));
            RuntimeShimException name = assertThrows(RuntimeShimException.class, () -> pull(store, wrongName, other, PullProgress.NONE));
            assertTrue(name.getMessage().contains("No subject alternative names matching IP address 127.0.0.2"), name.getMessage());
            Path stranger = directory.resolve("stranger.pem");
            run("keytool", "-genkeypair", "-keystore", directory.resolve("other.p12").toString(), "-storetype", "PKCS12", "-storepass", "changeit", "-alias",
                    "other", "-keyalg", "EC", "-dname", "CN=other");
            run("keytool", "-exportcert", "-rfc", "-keystore", directory.resolve("other.p12").toString(), "-storepass", "changeit", "-alias", "other", "-file",
                    stranger.toString());
            RegistrySettings distrusting = new RegistrySettings(0, 1, Map.of(front.host(), new RegistrySettings.Host("", stranger, false, "", null)));
            RuntimeShimException refused = assertThrows(RuntimeShimException.class, () -> pull(store, distrusting, front.host(), PullProgress.NONE));
            assertEquals(Kind.SYSTEM, refused.kind());
            assertTrue(refused.getMessage().contains("cannot be reached") && refused.getMessage().contains("certification path"), refused.getMessage());
        }
    }

    /** TLS in front of the fake registry, byte by byte. */
    private static final class TlsFront implements AutoCloseable {
        private final ServerSocket listener;
        private final int target;
        private final ExecutorService threads = Executors.newCachedThreadPool();

        TlsFront(Path keys, String registry) throws Exception {
            this.target = Integer.parseInt(registry.substring(registry.indexOf(':') + 1));
            KeyStore store = KeyStore.getInstance(keys.toFile(), "changeit".toCharArray());
            KeyManagerFactory managers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
            managers.init(store, "changeit".toCharArray());
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(managers.getKeyManagers(), null, null);
            this.listener = context.getServerSocketFactory().createServerSocket(0, 50);
            threads.execute(this::accept);
        }

        String host() {
            return "127.0.0.1:" + listener.getLocalPort();
        }

        private void accept() {
            try {
                while (true) {
                    Socket client = listener.accept();
                    Socket server = new Socket(InetAddress.getLoopbackAddress(), target);
                    threads.execute(() -> copy(client, server));
                    threads.execute(() -> copy(server, client));
                }
            } catch (java.io.IOException closed) {
                // the test is over
            }
        }

        private static void copy(Socket from, Socket to) {
            try (from; to; OutputStream out = to.getOutputStream()) {
                from.getInputStream().transferTo(out);
            } catch (java.io.IOException brokenOff) {
                // a client that trusts nobody, for one
            }
        }

        @Override
        public void close() throws Exception {
            listener.close();
            threads.shutdownNow();
        }
    }
}
