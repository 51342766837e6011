package dev.starling.node.api;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.image.Image;
import dev.starling.runtime.image.ImageStore;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** One image under some tags. An archive is anything; {@link #loadedBytes} tells how long it was. One that begins with "bad" is refused. */
final class FakeImages implements ImageStore {
    static final String ID = "sha256:82157df4282932c6037025ad9dff61c225f23cfd5c571573e82dcd3fb16db1dc";
    private final List<String> tags = new ArrayList<>(List.of("busybox:latest"));
    volatile long loadedBytes;

    @Override
    public List<String> load(InputStream archive) {
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
        }
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
    public synchronized void tag(String reference, String newTag) {
        tags.add(newTag);
    }

    @Override
    public synchronized List<String> remove(String reference, boolean force) {
        tags.remove(reference);
        return tags.isEmpty() ? List.of("Untagged: " + reference, "Deleted: " + ID) : List.of("Untagged: " + reference);
    }

    @Override
    public List<Path> layerDirectories(Image image) {
        throw new AssertionError("the API does not look into layers");
    }
}
