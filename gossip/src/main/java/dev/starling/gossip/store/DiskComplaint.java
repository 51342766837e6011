package dev.starling.gossip.store;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * SQLite says "disk I/O error" and keeps the kernel's reason to itself. So, once a write has failed, the same directory is asked
 * for another one: the kernel mostly says the same, in words that an operator can act upon.
 */
final class DiskComplaint {
    private static final int PAGE_BYTES = 4096;

    private DiskComplaint() {}

    /** The kernel's words ("Read-only file system"); empty where a small write succeeds by now. */
    static String in(Path directory) {
        Path trial = directory.resolve("trial.write");
        try (FileChannel channel = FileChannel.open(trial, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.allocate(PAGE_BYTES));
            channel.force(true);
        } catch (FileSystemException e) {
            return e.getReason() == null ? e.toString() : e.getReason();
        } catch (IOException e) {
            return String.valueOf(e.getMessage());
        }
        try {
            Files.deleteIfExists(trial);
            return "";
        } catch (IOException e) {
            return String.valueOf(e.getMessage());
        }
    }
}
