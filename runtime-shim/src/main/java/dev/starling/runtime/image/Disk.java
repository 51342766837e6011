package dev.starling.runtime.image;

import dev.starling.runtime.RuntimeShimException;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Arrays;

/**
 * The store's own files. Their failures are the machine's (SYSTEM), never the archive's (INVALID), so they are told apart from those of
 * the stream that is being read at the same time.
 */
final class Disk {
    private Disk() {}

    static RuntimeShimException failed(String what, IOException cause) {
        return RuntimeShimException.system("image store: cannot " + what + ": " + cause, cause);
    }

    static OutputStream create(Path file) {
        try {
            return Files.newOutputStream(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        } catch (IOException failure) {
            throw failed("create " + file, failure);
        }
    }

    static void write(OutputStream out, byte[] content, int count, Path file) {
        try {
            out.write(content, 0, count);
        } catch (IOException failure) {
            throw failed("write " + file, failure);
        }
    }

    static Path directory(Path directory) {
        try {
            return Files.createDirectories(directory);
        } catch (IOException failure) {
            throw failed("create " + directory, failure);
        }
    }

    /** Replaces a file whole or not at all for who reads it meanwhile; after a power cut it may be anything. */
    static void put(Path file, byte[] content) {
        Path fresh = file.resolveSibling(file.getFileName() + ".new");
        try {
            Files.write(fresh, content);
        } catch (IOException failure) {
            throw failed("write " + fresh, failure);
        }
        rename(fresh, file);
    }

    /** Replaces a file whole or not at all, also across a power cut. */
    static void replace(Path file, byte[] content) {
        Path fresh = file.resolveSibling(file.getFileName() + ".new");
        try {
            try (FileChannel channel = FileChannel.open(
                    fresh, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
                ByteBuffer buffer = ByteBuffer.wrap(content);
                while (buffer.hasRemaining()) {
                    channel.write(buffer);
                }
                channel.force(true);
            }
            rename(fresh, file);
            syncNames(file.getParent());
        } catch (IOException failure) {
            throw failed("write " + file, failure);
        }
    }

    /** Up to {@code length} bytes from {@code offset} on; null where there is no such file. */
    static byte[] read(Path file, long offset, int length) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            ByteBuffer buffer = ByteBuffer.allocate((int) Math.max(0, Math.min(length, channel.size() - offset)));
            while (buffer.hasRemaining() && channel.read(buffer, offset + buffer.position()) >= 0) { }
            return Arrays.copyOf(buffer.array(), buffer.position());
        } catch (NoSuchFileException absent) {
            return null;
        } catch (IOException failure) {
            throw failed("read " + file, failure);
        }
    }

    /** A second name for a file on the same file system; durable after {@link #syncNames}. */
    static void link(Path file, Path name) {
        try {
            Files.createLink(name, file);
        } catch (IOException failure) {
            throw failed("link " + file + " as " + name, failure);
        }
    }

    /** Renames within one file system; durable after {@link #syncNames}. */
    static void rename(Path from, Path to) {
        try {
            Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException failure) {
            throw failed("rename " + from + " to " + to, failure);
        }
    }

    /** What was renamed into a directory, linked there or removed is on disk afterwards. */
    static void syncNames(Path directory) {
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            channel.force(true);
        } catch (IOException failure) {
            throw failed("bring " + directory + " to disk", failure);
        }
    }

    /** Removes a directory and all below it, links themselves and not what they point to. Nothing there: nothing happens. */
    static void removeTree(Path directory) {
        try {
            Files.walkFileTree(directory, new SimpleFileVisitor<>() {
                @Override
                public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                    Files.delete(file);
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult postVisitDirectory(Path visited, IOException failure) throws IOException {
                    if (failure != null) {
                        throw failure;
                    }
                    Files.delete(visited);
                    return FileVisitResult.CONTINUE;
                }
            });
        } catch (NoSuchFileException gone) {
            // what was wanted
        } catch (IOException failure) {
            throw failed("remove " + directory, failure);
        } catch (UncheckedIOException failure) {
            throw failed("remove " + directory, failure.getCause());
        }
    }
}
