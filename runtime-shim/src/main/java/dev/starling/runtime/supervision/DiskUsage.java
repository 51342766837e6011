package dev.starling.runtime.supervision;

import dev.starling.runtime.RuntimeShimException;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Set;

/** How many bytes the files below a directory have, links not followed. What goes or cannot be read meanwhile counts nothing. */
final class DiskUsage {
    /** A container may nest as deep as it likes; each level costs a descriptor here. */
    private static final int DEPTH_LIMIT = 256;

    static long below(Path directory) {
        long[] bytes = new long[1];
        try {
            Files.walkFileTree(directory, Set.of(), DEPTH_LIMIT, new SimpleFileVisitor<>() {
                @Override
                public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                    bytes[0] += attributes.isRegularFile() ? attributes.size() : 0;
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult visitFileFailed(Path file, IOException gone) {
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult postVisitDirectory(Path visited, IOException gone) {
                    return FileVisitResult.CONTINUE;
                }
            });
        } catch (IOException e) {
            throw RuntimeShimException.system("look at " + directory + ": " + e, e);
        }
        return bytes[0];
    }

    private DiskUsage() {}
}
