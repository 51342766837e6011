package dev.starling.gossip.store;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * Where SQLite's native library is unpacked to. It must be a place that allows execution (hardened machines mount /tmp noexec), and
 * one that we may sweep: a killed agent leaves its copy behind, and /tmp would fill up. So: a directory of the store, unless that one
 * is noexec or full. Decided once for a process, before the library is first loaded; a value given by the operator stands.
 */
final class NativeLibraryHome {
    private static final String PROPERTY = "org.sqlite.tmpdir";
    private static final long LIBRARY_BYTES = 4L << 20;

    private NativeLibraryHome() {}

    static synchronized void choose(Path dataDirectory) throws IOException {
        if (System.getProperty(PROPERTY) != null) {
            return;
        }
        Path own = Files.createDirectories(dataDirectory.resolve("native")).toRealPath();
        boolean usable = Files.isWritable(own) && allowsExecution(own);
        if (usable) {
            try (Stream<Path> leftovers = Files.list(own)) {
                for (Path leftover : leftovers.filter(file -> file.getFileName().toString().startsWith("sqlite-")).toList()) {
                    Files.deleteIfExists(leftover);
                }
            }
        }
        usable = usable && own.toFile().getUsableSpace() >= LIBRARY_BYTES; // a full disk must not keep an agent from starting
        System.setProperty(PROPERTY, usable ? own.toString() : System.getProperty("java.io.tmpdir"));
    }

    /** By the mount options of the file system that {@code directory} is on; true where they cannot be read. */
    private static boolean allowsExecution(Path directory) {
        try {
            return allowsExecution(directory, Files.readAllLines(Path.of("/proc/self/mounts")));
        } catch (IOException e) {
            return true;
        }
    }

    static boolean allowsExecution(Path directory, List<String> mounts) {
        String options = "";
        int depth = -1;
        for (String mount : mounts) { // device, mount point, type, options, ...
            String[] fields = mount.split(" ");
            Path point = Path.of(fields[1].replace("\\040", " "));
            if (fields.length >= 4 && directory.startsWith(point) && point.getNameCount() >= depth) { // later mounts cover earlier ones
                depth = point.getNameCount();
                options = fields[3];
            }
        }
        return !List.of(options.split(",")).contains("noexec");
    }
}
