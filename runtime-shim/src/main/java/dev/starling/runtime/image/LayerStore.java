package dev.starling.runtime.image;

import dev.starling.runtime.RuntimeShimException;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Unpacked layers, {@code layers/HEX/diff} by diff id, with {@code size} and the {@code recipe} of their tar ({@link LayerRecipe}), each there whole or not at all: unpacked elsewhere on the same file system, verified,
 * then renamed. A layer stays while an image names it or a load counts on it ("pin"); {@link #sweep} removes the others.
 *
 * <p>Not thread-safe but for {@link #unpack}, which touches only the directory it is given: the store holds its lock around the rest.
 */
final class LayerStore {
    private static final String DIFF = "diff";
    private static final String SIZE = "size";
    private static final String RECIPE = "recipe";
    private static final int BUFFER = 1 << 16;

    private final Path directory;
    private final FileSystemCalls calls = new FileSystemCalls();
    private final Map<Digest, Integer> pins = new HashMap<>();

    record Swept(List<Digest> layers, long bytes) {}

    LayerStore(Path directory) {
        this.directory = Disk.directory(directory);
    }

    boolean has(Digest diffId) {
        return Files.isRegularFile(path(diffId).resolve(SIZE));
    }

    Path diff(Digest diffId) {
        return path(diffId).resolve(DIFF);
    }

    /** Which layer a directory is that {@link #diff} gave. */
    static Optional<Digest> ofDirectory(Path diff) {
        String name = diff.getParent() == null ? "" : String.valueOf(diff.getParent().getFileName());
        return Digest.isHex(name) ? Optional.of(new Digest(name)) : Optional.empty();
    }

    /** Bytes of all files. */
    long size(Digest diffId) {
        return sizes(diffId)[0];
    }

    /** Bytes of the tar that {@link #writeTar} writes; -1 where it cannot. */
    long tarSize(Digest diffId) {
        long[] sizes = sizes(diffId);
        return sizes.length > 1 && Files.isRegularFile(path(diffId).resolve(RECIPE)) ? sizes[1] : -1;
    }

    /** The layer as it came, uncompressed. */
    void writeTar(Digest diffId, OutputStream out) throws IOException {
        LayerRecipe.write(path(diffId).resolve(RECIPE), diff(diffId), diffId, calls, out);
    }

    private long[] sizes(Digest diffId) {
        Path file = path(diffId).resolve(SIZE);
        try {
            return Stream.of(Files.readString(file).split(" ")).mapToLong(Long::parseLong).toArray();
        } catch (IOException failure) {
            throw Disk.failed("read " + file, failure);
        } catch (NumberFormatException damaged) {
            throw RuntimeShimException.system("image store: " + file + " holds no number", damaged);
        }
    }

    void pin(List<Digest> diffIds) {
        diffIds.forEach(diffId -> pins.merge(diffId, 1, Integer::sum));
    }

    void unpin(List<Digest> diffIds) {
        diffIds.forEach(diffId -> pins.computeIfPresent(diffId, (same, count) -> count == 1 ? null : count - 1));
    }

    /**
     * Unpacks a layer into {@code target}, which must not exist yet, and verifies what was unpacked against its diff id.
     *
     * @param layer compressed or not
     */
    void unpack(ImageArchive.Member layer, Digest diffId, Path target, ImageLimits limits) {
        String where = "layer " + diffId.abbreviated();
        Path diff = Disk.directory(target.resolve(DIFF));
        MessageDigest digest = Digest.sha256();
        long size;
        long tarSize;
        try (InputStream file = Files.newInputStream(layer.content());
                InputStream hashed = new DigestInputStream(Decompressor.open(file, where, limits.layerBytes(), limits), digest);
                InputStream plain = new BufferedInputStream(hashed, BUFFER); // headers and padding: else a native call to inflate and one to hash for each
                LayerRecipe.Recorder recorder = new LayerRecipe.Recorder(plain, target.resolve(RECIPE))) {
            size = new LayerUnpacker(calls, limits, where, diff, recorder).unpack(new TarReader(recorder, ImageArchive.WHERE + ": " + where));
            recorder.transferTo(OutputStream.nullOutputStream());
            tarSize = recorder.length();
        } catch (IOException failure) {
            throw ImageArchive.unreadable(ImageArchive.WHERE + ": " + where, failure);
        }
        Digest actual = Digest.of(digest);
        if (!actual.equals(diffId)) {
            throw RuntimeShimException.invalid(ImageArchive.WHERE + ": " + where + " has the digest " + actual + " instead of " + diffId);
        }
        Path sizeFile = target.resolve(SIZE);
        byte[] text = (size + " " + tarSize).getBytes(StandardCharsets.US_ASCII);
        try (OutputStream out = Disk.create(sizeFile)) {
            Disk.write(out, text, text.length, sizeFile);
        } catch (IOException failure) {
            throw Disk.failed("write " + sizeFile, failure);
        }
    }

    /** Brings what was unpacked to disk, before anything refers to it. */
    void sync() {
        calls.syncFileSystem(directory.toString());
    }

    /** Takes an unpacked layer in; where it is there already, that one stays. Its name is durable after {@link #syncNames}. */
    void publish(Digest diffId, Path unpacked) {
        if (!has(diffId)) {
            Disk.rename(unpacked, path(diffId));
        }
    }

    void syncNames() {
        Disk.syncNames(directory);
    }

    /**
     * Moves layers that nobody needs into {@code trash}, for the caller to remove at leisure.
     *
     * @return their diff ids, and how large they are
     */
    Swept sweep(Set<Digest> needed, Path trash) {
        List<Digest> swept = new ArrayList<>();
        long bytes = 0;
        try (var entries = Files.newDirectoryStream(directory)) {
            for (Path entry : entries) {
                String name = entry.getFileName().toString();
                Digest diffId = Digest.isHex(name) ? new Digest(name) : null;
                if (diffId != null && !needed.contains(diffId) && !pins.containsKey(diffId)) {
                    bytes += has(diffId) ? size(diffId) : 0;
                    Disk.rename(entry, trash.resolve(name));
                    swept.add(diffId);
                }
            }
        } catch (IOException failure) {
            throw Disk.failed("list " + directory, failure);
        }
        swept.sort(null);
        return new Swept(swept, bytes);
    }

    private Path path(Digest diffId) {
        return directory.resolve(diffId.hex());
    }
}
