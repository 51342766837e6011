package dev.starling.runtime.supervision;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;

/**
 * A disk that can be made to hang: an ext4 file system on a loop device. While it is frozen whoever writes to it waits in the kernel, and cannot be killed. So
 * a process of its own thaws it after a minute, whatever becomes of the test.
 */
final class FrozenDisk implements AutoCloseable {
    private static final int SIZE = 96 << 20;

    private final Path mountPoint;
    private Process thawsInAnyCase;

    private FrozenDisk(Path mountPoint) {
        this.mountPoint = mountPoint;
    }

    static FrozenDisk mount(Path directory) throws IOException, InterruptedException {
        Path image = directory.resolve("disk.image");
        Path mountPoint = Files.createDirectory(directory.resolve("disk"));
        try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
            file.setLength(SIZE);
        }
        assume("mkfs.ext4", "-q", "-F", image.toString());
        assume("mount", "-o", "loop", image.toString(), mountPoint.toString());
        return new FrozenDisk(mountPoint);
    }

    private static void assume(String... command) throws IOException, InterruptedException {
        Assumptions.assumeTrue(ends(command) == 0, () -> "this machine has no loop devices for ext4, or may not mount them: " + String.join(" ", command));
    }

    private static int ends(String... command) throws IOException, InterruptedException {
        try {
            return program(command).start().waitFor();
        } catch (IOException e) {
            return 127; // it is not installed
        }
    }

    private static ProcessBuilder program(String... command) {
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD);
        builder.environment().merge("PATH", "/usr/sbin:/sbin", (path, more) -> path + ":" + more);
        return builder;
    }

    Path mountPoint() {
        return mountPoint;
    }

    void freeze() throws IOException, InterruptedException {
        thawsInAnyCase = program("sh", "-c", "test \"$(timeout 300 head -n 1)\" = thawed || fsfreeze -u \"$0\"", mountPoint.toString()).start();
        assertEquals(0, ends("fsfreeze", "-f", mountPoint.toString()));
    }

    /** Nothing where it is not frozen. */
    void thaw() throws IOException, InterruptedException {
        if (thawsInAnyCase == null) {
            return;
        }
        assertEquals(0, ends("fsfreeze", "-u", mountPoint.toString()));
        thawsInAnyCase.getOutputStream().write("thawed\n".getBytes(StandardCharsets.US_ASCII));
        thawsInAnyCase.getOutputStream().close();
        thawsInAnyCase.waitFor(90, TimeUnit.SECONDS);
        thawsInAnyCase = null;
    }

    /** Also where something still uses it, after a test that failed. */
    @Override
    public void close() throws IOException, InterruptedException {
        thaw();
        assertEquals(0, ends("umount", "--lazy", mountPoint.toString()));
    }
}
