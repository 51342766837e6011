package dev.starling.node.api;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.image.Digest;
import dev.starling.runtime.image.Image;
import dev.starling.runtime.image.ImageDetails;
import dev.starling.runtime.image.ImageStore;
import dev.starling.runtime.image.MachinePlatform;
import dev.starling.runtime.image.PullProgress;
import dev.starling.runtime.image.RemoteImage;
import dev.starling.runtime.image.RegistryCredentials;
import dev.starling.runtime.image.RegistryReference;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;

/** One image under some tags. An archive is anything; {@link #loadedBytes} tells how long it was. One that begins with "bad" is refused. */
final class FakeImages implements ImageStore {
    static final String ID = "sha256:82157df4282932c6037025ad9dff61c225f23cfd5c571573e82dcd3fb16db1dc";
    private final List<String> tags = new ArrayList<>(List.of("busybox:latest"));
    static final Digest LAYER = Digest.of(new byte[] {1});
    final List<String> pulledAs = new CopyOnWriteArrayList<>();
    static final int SAVED_PIECES = 100;
    static final int SAVED_PIECE = 100_000;
    volatile long loadedBytes;
    final AtomicInteger loading = new AtomicInteger();

    @Override
    public List<String> load(InputStream archive) {
        loading.incrementAndGet();
        try {
            byte[] head = archive.readNBytes(3);
            if (new String(head).equals("bad")) {
                throw RuntimeShimException.invalid("the archive is no image");
            }
            long count = head.length;
            byte[] buffer = new byte[10_000];
            for (int n = archive.read(buffer); n >= 0; n = archive.read(buffer)) {
                count += n;
            }
            loadedBytes = count;
            return List.of("Loaded image: busybox:latest");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            loading.decrementAndGet();
        }
    }

    /** A registry that has busybox, in one layer, and nothing else. */
    @Override
    public Image pull(String reference, RegistryCredentials credentials, PullProgress progress) {
        resolve(reference, credentials);
        progress.at(LAYER, PullProgress.Step.WAITING, 0, 0);
        progress.at(LAYER, PullProgress.Step.DOWNLOADING, 500, 1_000);
        progress.at(LAYER, PullProgress.Step.COMPLETE, 0, 0);
        pulledAs.add(credentials.user());
        return image();
    }

    @Override
    public RemoteImage resolve(String reference, RegistryCredentials credentials) {
        if (!reference.contains("busybox")) {
            throw RuntimeShimException.notFound("manifest for " + reference + " not found: manifest unknown");
        }
        return new RemoteImage(LAYER, "application/vnd.oci.image.index.v1+json", 7, List.of(new MachinePlatform("linux", "arm64", "v8")));
    }

    /** There is one registry, and one who may. */
    @Override
    public boolean accepts(String registry, RegistryCredentials credentials) {
        if (!registry.equals("registry.example:5000")) {
            throw RuntimeShimException.system("registry " + registry + " cannot be reached: no such host", null);
        }
        return credentials.equals(new RegistryCredentials("edge", "s3cret"));
    }

    @Override
    public synchronized List<Image> list() {
        return tags.isEmpty() ? List.of() : List.of(image());
    }

    private Image image() {
        return new Image(ID, List.copyOf(tags), List.of(), Instant.parse("2026-11-22T11:56:52Z"), "linux", "amd64", "",
                List.of("sha256:8e73"), 1_984_162, new Image.Config(List.of(), List.of("sh"), List.of("PATH=/bin"), "", "", "", Map.of(),
                List.of(), List.of()));
    }

    @Override
    public synchronized Image find(String reference) {
        boolean known = tags.contains(reference) || tags.contains(reference + ":latest") || ID.equals(reference)
                || reference.length() >= 4 && ID.startsWith("sha256:" + reference);
        return known ? image() : null;
    }

    @Override
    public ImageDetails details(Image image) {
        Instant day = Instant.parse("2026-11-22T00:00:00Z");
        return new ImageDetails("edge", "", "", List.of(new ImageDetails.Step(day, "COPY busybox /bin", "", 1_984_162), new ImageDetails.Step(day, "CMD sh", "by hand", 0)));
    }

    /** As the store does: newer CLIs send a name in full. */
    @Override
    public synchronized void tag(String reference, String newTag) {
        tags.add(RegistryReference.parse(newTag).familiar());
    }

    @Override
    public synchronized List<String> remove(String reference, boolean force) {
        tags.remove(reference);
        return tags.isEmpty() ? List.of("Untagged: " + reference, "Deleted: " + ID) : List.of("Untagged: " + reference);
    }

    /** Its name is its archive. */
    @Override
    public void save(List<String> references, OutputStream out) throws IOException {
        for (String reference : references) {
            if (find(reference) == null) {
                throw RuntimeShimException.notFound("No such image: " + reference);
            }
        }
        for (int i = 0; i < SAVED_PIECES; i++) {
            out.write(new byte[SAVED_PIECE]);
        }
        out.write(String.join(",", references).getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public synchronized Pruned prune(Predicate<Image> unwanted) {
        if (list().stream().noneMatch(unwanted)) {
            return Pruned.NOTHING;
        }
        tags.clear();
        return new Pruned(List.of("Untagged: busybox:latest", "Deleted: " + ID), 1_984_162);
    }

    @Override
    public List<Path> layerDirectories(Image image) {
        throw new AssertionError("the API does not look into layers");
    }
}
