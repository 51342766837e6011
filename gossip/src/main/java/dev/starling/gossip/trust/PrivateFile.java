package dev.starling.gossip.trust;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;

/**
 * A small file that only its owner reads (0600) and that a power cut leaves either old or new, never half: written beside,
 * synced, renamed over, directory synced.
 */
public record PrivateFile(Path path) {
    private static final int MAX_BYTES = 64 * 1024;

    public boolean exists() {
        return Files.exists(path);
    }

    public String read() {
        return new String(readBytes(MAX_BYTES), StandardCharsets.US_ASCII);
    }

    public byte[] readBytes(int atMost) {
        try {
            long size = Files.size(path);
            if (size > atMost) {
                throw new IOException("has " + size + " bytes, at most " + atMost + " are expected");
            }
            return Files.readAllBytes(path);
        } catch (IOException e) {
            throw TrustException.file("cannot read", path, e);
        }
    }

    public void write(String content) {
        writeBytes(content.getBytes(StandardCharsets.US_ASCII));
    }

    public void writeBytes(byte[] content) {
        Path beside = path.resolveSibling(path.getFileName() + ".new");
        try {
            makeDirectory(path.getParent());
            Files.deleteIfExists(beside); // left by a power cut
            try (FileChannel channel = FileChannel.open(beside, Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))) {
                ByteBuffer bytes = ByteBuffer.wrap(content);
                while (bytes.hasRemaining()) {
                    channel.write(bytes);
                }
                channel.force(true);
            }
            Files.move(beside, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            sync(path.getParent());
        } catch (IOException e) {
            throw TrustException.file("cannot write", path, e);
        }
    }

    /** Gone for good when this returns: no power cut brings it back. */
    public void delete() {
        try {
            if (exists() && Files.deleteIfExists(path)) {
                sync(path.getParent());
            }
        } catch (IOException e) {
            throw TrustException.file("cannot delete", path, e);
        }
    }

    /** A directory that only its owner reads (0700), there for good when this returns: its name is synced in its parent. */
    public static void makeDirectory(Path directory) throws IOException {
        if (Files.isDirectory(directory)) {
            return;
        }
        makeDirectory(directory.toAbsolutePath().getParent());
        try {
            Files.createDirectory(directory, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        } catch (FileAlreadyExistsException e) {
            if (!Files.isDirectory(directory)) {
                throw e;
            }
        }
        sync(directory.toAbsolutePath().getParent());
    }

    private static void sync(Path directory) throws IOException {
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }
}
