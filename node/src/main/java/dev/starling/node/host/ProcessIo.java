package dev.starling.node.host;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What the kernel counts of this process's reading and writing. */
public final class ProcessIo {
    private static final Path FILE = Path.of("/proc/self/io");
    private static final String WRITTEN = "write_bytes:";

    private ProcessIo() {}

    /** Bytes of pages that this process has made the kernel write to disks, since its start; NaN where the kernel does not count them. */
    public static double bytesWritten() {
        try {
            for (String line : Files.readAllLines(FILE)) {
                if (line.startsWith(WRITTEN)) {
                    return Double.parseDouble(line.substring(WRITTEN.length()).strip());
                }
            }
            return Double.NaN;
        } catch (IOException e) {
            return Double.NaN; // a kernel without CONFIG_TASK_IO_ACCOUNTING
        }
    }
}
