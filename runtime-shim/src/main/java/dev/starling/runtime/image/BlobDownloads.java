package dev.starling.runtime.image;

import dev.starling.runtime.RuntimeShimException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.function.Supplier;

/**
 * Blobs on their way from a source to the store. A download that broke off goes on where it was, after a restart too:
 *
 * <pre>
 * downloads/HEX.part   what has come so far
 * downloads/HEX        whole, and was what its digest says: of an earlier process, or after a power cut, it is held against the digest again
 * </pre>
 *
 * Whoever wants a blob that is already under way waits for that download. A file stays as long as a pull has it pinned; what no pull came
 * back for within {@link #ABANDONED} goes at the next sweep.
 *
 * <p>A source whose bytes do not fit the digest is not asked for that blob again: a bad neighbour must not keep the registry from helping.
 */
final class BlobDownloads {
    static final Duration ABANDONED = Duration.ofDays(3);
    private static final String PART = ".part";
    private static final int TRIES = 5;
    private static final long FIRST_PAUSE_MILLIS = 200;
    /** A connection that brought less than this has not helped, so a source that drips bytes does not go on for ever. */
    private static final long WORTH_BYTES = 256 << 10;
    private static final int BUFFER = 1 << 16;

    /** @param size as its descriptor says */
    record Wanted(RegistryReference repository, Digest digest, long size) {}

    private final Path directory;
    private final Map<Digest, CompletableFuture<Path>> underWay = new ConcurrentHashMap<>();
    private final Map<Digest, Integer> pins = new HashMap<>();

    BlobDownloads(Path directory) {
        this.directory = Disk.directory(directory);
    }

    synchronized void pin(List<Digest> digests) {
        digests.forEach(digest -> pins.merge(digest, 1, Integer::sum));
    }

    /** @param done they are in the store now, so they can go here */
    synchronized void unpin(List<Digest> digests, boolean done) {
        for (Digest digest : digests) {
            pins.computeIfPresent(digest, (same, count) -> count == 1 ? null : count - 1);
            if (done && !pins.containsKey(digest)) {
                discard(digest);
            }
        }
    }

    Path path(Digest digest) {
        return directory.resolve(digest.hex());
    }

    /** For what turned out to be damaged on this disk. */
    void discard(Digest digest) {
        delete(path(digest));
        delete(part(digest));
    }

    /** The file with the whole blob. The future fails with a RuntimeShimException. */
    CompletableFuture<Path> fetch(Wanted wanted, List<ImageSource> sources, PullProgress progress, Executor threads) {
        CompletableFuture<Path> fresh = new CompletableFuture<>();
        CompletableFuture<Path> other = underWay.putIfAbsent(wanted.digest(), fresh);
        if (other != null) {
            return other.exceptionallyCompose(failure -> isWithout(failure) ? fetch(wanted, sources, progress, threads) : CompletableFuture.failedFuture(failure));
        }
        threads.execute(() -> {
            try {
                Path file = download(wanted, sources, progress);
                underWay.remove(wanted.digest(), fresh);
                fresh.complete(file);
            } catch (RuntimeException failure) {
                underWay.remove(wanted.digest(), fresh);
                fresh.completeExceptionally(failure);
            }
        });
        return fresh;
    }

    /**
     * A manifest, fetched on this thread, or by the one that is at it already. It stays here like a blob until it is in the store, so that other nodes can
     * have it from here; with its digest alone nobody knows how long it will be, hence no {@link #fetch}.
     *
     * @param maxBytes of what another thread fetched under this digest, which may be no manifest at all
     */
    byte[] document(Digest digest, long maxBytes, Supplier<byte[]> fetch) {
        CompletableFuture<Path> fresh = new CompletableFuture<>();
        CompletableFuture<Path> other = underWay.putIfAbsent(digest, fresh);
        if (other != null) {
            try {
                return whole(joined(other), maxBytes);
            } catch (RuntimeShimException failure) {
                if (isWithout(failure)) {
                    return document(digest, maxBytes, fetch);
                }
                throw failure;
            }
        }
        try {
            byte[] content = fetch.get();
            Disk.put(path(digest), content);
            underWay.remove(digest, fresh);
            fresh.complete(path(digest));
            return content;
        } catch (RuntimeException failure) {
            underWay.remove(digest, fresh);
            fresh.completeExceptionally(failure);
            throw failure;
        }
    }

    /** The sources of who was first had nothing for it; those of who waited, or their credentials, may be others. */
    private static boolean isWithout(Throwable failure) {
        return cause(failure) instanceof RuntimeShimException known && known.kind() == RuntimeShimException.Kind.NOT_FOUND;
    }

    /** What a download has failed with, also where another stage of its future tells it. */
    static Throwable cause(Throwable failure) {
        return failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
    }

    private static byte[] whole(Path file, long maxBytes) {
        if (size(file) > maxBytes) {
            throw RuntimeShimException.invalid("manifest " + file.getFileName() + " has more than " + maxBytes + " bytes");
        }
        try {
            return Files.readAllBytes(file);
        } catch (IOException failure) {
            throw Disk.failed("read " + file, failure);
        }
    }

    /** Waits for a download. */
    static Path joined(CompletableFuture<Path> download) {
        try {
            return download.join();
        } catch (CompletionException failure) {
            throw failure.getCause() instanceof RuntimeShimException known ? known : failure;
        }
    }

    /** A part of what is here or on its way; null where it is neither. */
    BlobPart read(Digest digest, long offset, int length) {
        boolean coming = underWay.containsKey(digest); // before the look at the files, as it may end meanwhile
        byte[] whole = Disk.read(path(digest), offset, length);
        if (whole != null) {
            return new BlobPart(whole, false);
        }
        byte[] part = coming ? Disk.read(part(digest), offset, length) : null;
        return coming ? new BlobPart(part == null ? new byte[0] : part, true) : null;
    }

    private Path download(Wanted wanted, List<ImageSource> sources, PullProgress progress) {
        Path file = path(wanted.digest());
        if (size(file) >= 0) {
            if (size(file) == wanted.size() && isRight(file, wanted.digest())) {
                return file;
            }
            delete(file); // a power cut left its name and not its content: downloads are not brought to disk one by one
        }
        List<ImageSource> trusted = new ArrayList<>(sources);
        Exception last = null;
        for (int attempt = 0; attempt < TRIES && !trusted.isEmpty(); attempt++) {
            pause(attempt);
            for (ImageSource source : List.copyOf(trusted)) {
                long before = size(part(wanted.digest()));
                try {
                    boolean right = append(wanted, source, progress);
                    if (!right && before > 0) { // what was there may be another source's lie: this one is blamed for bytes of its own only
                        trusted.removeIf(other -> other != source);
                        delete(part(wanted.digest()));
                        right = append(wanted, source, progress);
                    }
                    if (right) {
                        Disk.rename(part(wanted.digest()), file);
                        return file;
                    }
                    trusted.remove(source);
                    last = RuntimeShimException.invalid("blob " + wanted.digest() + " of " + wanted.repository().familiarName()
                            + ": what came is not what its digest says");
                    delete(part(wanted.digest()));
                } catch (IOException broken) {
                    last = broken;
                    attempt = size(part(wanted.digest())) - before >= WORTH_BYTES ? 0 : attempt;
                } catch (RuntimeShimException refused) {
                    if (refused.kind() == RuntimeShimException.Kind.SYSTEM) {
                        if (!Thread.currentThread().isInterrupted()) { // when the agent ends Java closes the file, and what has come is for the next one
                            delete(part(wanted.digest())); // a full disk, mostly: do not leave it full
                        }
                        throw refused;
                    }
                    trusted.remove(source);
                    last = refused;
                }
            }
        }
        if (last instanceof RuntimeShimException refused) {
            throw refused;
        }
        throw RuntimeShimException.system("blob " + wanted.digest() + " of " + wanted.repository().familiarName() + " cannot be downloaded: "
                + (last == null ? "there is no source" : last.getMessage()), last);
    }

    /** @return whether the blob is whole and right; false where it is wrong */
    private boolean append(Wanted wanted, ImageSource source, PullProgress progress) throws IOException {
        Path part = part(wanted.digest());
        if (size(part) > wanted.size()) {
            delete(part);
        }
        MessageDigest digest = Digest.sha256();
        long have = feed(part, digest);
        byte[] buffer = new byte[BUFFER];
        if (have < wanted.size() || wanted.size() == 0) {
            try (InputStream in = source.blob(wanted.repository(), wanted.digest(), have); FileChannel out = openPart(part)) {
                for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
                    have += count;
                    if (have > wanted.size()) {
                        return false;
                    }
                    digest.update(buffer, 0, count);
                    write(out, buffer, count, part);
                    progress.at(wanted.digest(), PullProgress.Step.DOWNLOADING, have, wanted.size());
                }
            }
        }
        if (have < wanted.size()) {
            throw new IOException("the connection ended after " + have + " of " + wanted.size() + " bytes");
        }
        return Digest.of(digest).equals(wanted.digest());
    }

    private static boolean isRight(Path file, Digest expected) {
        MessageDigest digest = Digest.sha256();
        feed(file, digest);
        return Digest.of(digest).equals(expected);
    }

    private static long feed(Path part, MessageDigest digest) {
        if (!Files.exists(part)) {
            return 0;
        }
        try (InputStream in = Files.newInputStream(part)) {
            byte[] buffer = new byte[BUFFER];
            long size = 0;
            for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
                digest.update(buffer, 0, count);
                size += count;
            }
            return size;
        } catch (IOException failure) {
            throw Disk.failed("read " + part, failure);
        }
    }

    private static FileChannel openPart(Path part) {
        try {
            return FileChannel.open(part, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException failure) {
            throw Disk.failed("open " + part, failure);
        }
    }

    private static void write(FileChannel out, byte[] content, int count, Path file) {
        ByteBuffer buffer = ByteBuffer.wrap(content, 0, count);
        try {
            while (buffer.hasRemaining()) {
                out.write(buffer);
            }
        } catch (IOException failure) {
            throw Disk.failed("write " + file, failure);
        }
    }

    private static void pause(int attempt) {
        if (attempt == 0) {
            return;
        }
        try {
            Thread.sleep(FIRST_PAUSE_MILLIS << attempt);
        } catch (InterruptedException stop) {
            Thread.currentThread().interrupt();
            throw RuntimeShimException.conflict("the download was interrupted: the agent ends");
        }
    }

    /** Removes what was given up; what a pull has pinned or is coming in stays. */
    synchronized void sweep(Instant now, Duration age) {
        try (var entries = Files.newDirectoryStream(directory)) {
            for (Path entry : entries) {
                String hex = entry.getFileName().toString().replace(PART, "");
                boolean wanted = Digest.isHex(hex) && (pins.containsKey(new Digest(hex)) || underWay.containsKey(new Digest(hex)));
                if (!wanted && isOlderThan(entry, now.minus(age))) {
                    Files.deleteIfExists(entry);
                }
            }
        } catch (IOException failure) {
            throw Disk.failed("sweep " + directory, failure);
        }
    }

    /** Not where it has gone meanwhile: another pull puts its manifest to its place by a rename. */
    private static boolean isOlderThan(Path entry, Instant time) throws IOException {
        try {
            return Files.getLastModifiedTime(entry).toInstant().isBefore(time);
        } catch (NoSuchFileException gone) {
            return false;
        }
    }

    private Path part(Digest digest) {
        return directory.resolve(digest.hex() + PART);
    }

    /** -1 where it is not there. */
    private static long size(Path file) {
        try {
            return Files.exists(file) ? Files.size(file) : -1;
        } catch (IOException failure) {
            throw Disk.failed("look at " + file, failure);
        }
    }

    private static void delete(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException failure) {
            throw Disk.failed("delete " + file, failure);
        }
    }
}
