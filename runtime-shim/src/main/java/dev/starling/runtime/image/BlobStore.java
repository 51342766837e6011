package dev.starling.runtime.image;

import dev.starling.runtime.RuntimeShimException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.Set;

/**
 * Documents and compressed layers, {@code blobs/sha256/HEX}, each there whole or not at all. The modification time of an image's config says
 * when the image was last used: it needs no write of its own to the disk and survives a restart, and a power cut may set it back a little.
 *
 * <p>Not thread-safe but for reading: the store holds its lock around the rest.
 */
final class BlobStore {
    private final Path directory;

    BlobStore(Path directory) {
        this.directory = Disk.directory(directory);
    }

    Path path(Digest digest) {
        return directory.resolve(digest.hex());
    }

    boolean has(Digest digest) {
        return Files.isRegularFile(path(digest));
    }

    long size(Digest digest) {
        try {
            return Files.size(path(digest));
        } catch (IOException failure) {
            throw Disk.failed("look at blob " + digest, failure);
        }
    }

    byte[] read(Digest digest) {
        try {
            return Files.readAllBytes(path(digest));
        } catch (IOException failure) {
            throw Disk.failed("read blob " + digest, failure);
        }
    }

    /**
     * Gives a file of this file system the blob's name too, durably after {@link #syncNames}.
     *
     * @return false where the blob is there already: that one stays
     */
    boolean link(Digest digest, Path file) {
        if (has(digest)) {
            return false;
        }
        Disk.link(file, path(digest));
        return true;
    }

    void syncNames() {
        Disk.syncNames(directory);
    }

    /** Null where it is not here. */
    byte[] read(Digest digest, long offset, int length) {
        return Disk.read(path(digest), offset, length);
    }

    Instant lastUsed(Digest config) {
        try {
            return Files.getLastModifiedTime(path(config)).toInstant();
        } catch (IOException failure) {
            throw Disk.failed("look at blob " + config, failure);
        }
    }

    void use(Digest config, Instant now) {
        try {
            Files.setLastModifiedTime(path(config), FileTime.from(now));
        } catch (IOException failure) {
            throw Disk.failed("date blob " + config, failure);
        }
    }

    /** Of all blobs. */
    long bytes() {
        long bytes = 0;
        try (var entries = Files.newDirectoryStream(directory)) {
            for (Path blob : entries) {
                bytes += blob.toFile().length(); // 0 where it has gone meanwhile
            }
        } catch (IOException failure) {
            throw Disk.failed("list " + directory, failure);
        }
        return bytes;
    }

    /** Deletes what is not needed. @return bytes that this gave back, about: a blob may have another name in downloads/ */
    long sweep(Set<String> neededHex) {
        long bytes = 0;
        try (var entries = Files.newDirectoryStream(directory)) {
            for (Path blob : entries) {
                if (!neededHex.contains(blob.getFileName().toString())) {
                    bytes += Files.size(blob);
                    Files.delete(blob);
                }
            }
        } catch (IOException failure) {
            throw Disk.failed("sweep " + directory, failure);
        }
        return bytes;
    }

    /** Null, so that the caller goes on without it, where it is not here or damaged. */
    byte[] readIfWhole(Digest digest) {
        try {
            byte[] content = has(digest) ? read(digest) : null;
            return content != null && Digest.of(content).equals(digest) ? content : null;
        } catch (RuntimeShimException unreadable) {
            return null;
        }
    }
}
