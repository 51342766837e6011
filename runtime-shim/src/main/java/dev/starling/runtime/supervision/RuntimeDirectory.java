package dev.starling.runtime.supervision;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.launch.Bundle;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where a node's containers are on its disk, for one agent at a time:
 *
 * <pre>
 *   lock                  held by the agent
 *   containers/ID/        see {@link Bundle}
 *   mount-points/         see {@link Bundle#makeMountPoints}
 *   removed/              see {@link RemovedContainers}
 *   gates/N/              see {@link dev.starling.runtime.launch.Gates}
 *   volumes/              see {@link dev.starling.runtime.volume.VolumesInUse}
 *   warm-up/              see {@link TrialContainer}
 * </pre>
 */
final class RuntimeDirectory implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(RuntimeDirectory.class);

    private final Path path;
    private final FileChannel lock;

    private RuntimeDirectory(Path path, FileChannel lock) {
        this.path = path;
        this.lock = lock;
    }

    /** Made where it is not there. @throws RuntimeShimException CONFLICT where another agent has it */
    static RuntimeDirectory open(Path directory) {
        Path path = directory.toAbsolutePath();
        try {
            Path containers = Files.createDirectories(containersBelow(path));
            Files.setPosixFilePermissions(containers, PosixFilePermissions.fromString("rwx------"));
            FileChannel lock = lock(path);
            try {
                Bundle.makeMountPoints(path);
            } catch (IOException e) {
                lock.close();
                throw e;
            }
            return new RuntimeDirectory(path, lock);
        } catch (IOException e) {
            throw RuntimeShimException.system("open container directory " + path + ": " + e, e);
        }
    }

    private static FileChannel lock(Path path) throws IOException {
        FileChannel channel = FileChannel.open(path.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        try {
            if (channel.tryLock() != null) {
                return channel;
            }
        } catch (OverlappingFileLockException e) {
            // by this very JVM; told below
        }
        channel.close();
        throw RuntimeShimException.conflict("another agent uses the container directory " + path);
    }

    static Path containersBelow(Path directory) {
        return directory.resolve("containers");
    }

    Path containers() {
        return containersBelow(path);
    }

    Path gates() {
        return path.resolve("gates");
    }

    Path removed() {
        return path.resolve("removed");
    }

    Path volumes() {
        return Volumes.below(path);
    }

    Path warmUp() {
        return path.resolve("warm-up");
    }

    @Override
    public void close() {
        try {
            lock.close();
        } catch (IOException e) {
            LOG.warn("close lock of {}: {}", path, e.toString());
        }
    }
}
