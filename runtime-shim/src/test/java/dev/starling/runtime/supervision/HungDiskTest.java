package dev.starling.runtime.supervision;

import static dev.starling.runtime.supervision.SpecBuilder.run;
import static dev.starling.runtime.supervision.SpecBuilder.script;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.runtime.Container;
import dev.starling.runtime.ContainerRuntime.NetworkSetup;
import dev.starling.runtime.ExecProcess;
import dev.starling.runtime.ExecSpec;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** All of a node's containers on a disk that stops to answer, and comes back: an ext4 file system on a loop device, frozen. */
class HungDiskTest {
    private static final int LINES = 40_000;

    @TempDir
    Path directory;
    private FrozenDisk disk;
    private Lab lab;

    @BeforeEach
    void open() throws Exception {
        Lab.assumePossible();
        disk = FrozenDisk.mount(directory);
        lab = Lab.openIn(disk.mountPoint());
    }

    @AfterEach
    void close() throws Exception {
        if (disk == null) {
            return;
        }
        try (FrozenDisk unmounted = disk) {
            unmounted.thaw();
            if (lab != null) {
                lab.close();
            }
        }
    }

    private static final class Screen implements ExecProcess.Output {
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

        @Override
        public synchronized boolean accept(int stream, byte[] piece) {
            bytes.writeBytes(piece);
            return true;
        }

        synchronized String text() {
            return bytes.toString(StandardCharsets.UTF_8);
        }
    }

    private String start(SpecBuilder spec) {
        lab.runtime.start(spec.build(), NetworkSetup.NONE);
        return spec.id;
    }

    private boolean hasEnded(String id) {
        return lab.runtime.inspect(id).state() == Container.State.EXITED;
    }

    /** More than fits between container and disk: it is left waiting, and loses nothing. */
    @Test
    @Timeout(300)
    void onlyWhoWritesToItWaits() throws Exception {
        String ticking = start(script("while busybox sleep 0.02; do echo tick; done").with(s -> s.logDriver = "none"));
        String killed = start(run("sleep", "1000"));
        String talker = start(script("trap 'busybox seq 1 " + LINES + "; exit 7' USR1; echo ready; while :; do busybox sleep 0.02; done"));
        Lab.await(() -> lab.output(talker, "stdout").equals("ready\n"), "it is ready");
        disk.freeze();
        lab.runtime.signal(talker, "USR1");
        Screen seen = new Screen();
        lab.runtime.attach(ticking, seen);
        Lab.await(() -> seen.text().contains("tick\ntick\n"), "others are heard");
        Screen added = new Screen();
        OptionalInt exitCode = lab.runtime.exec(killed, ExecSpec.of(List.of("echo", "added")), added).exit().toCompletableFuture().get(90, TimeUnit.SECONDS);
        assertEquals(OptionalInt.of(0), exitCode);
        assertEquals("added\n", added.text());
        lab.runtime.signal(killed, "KILL");
        Lab.await(() -> hasEnded(killed), "an end is told");
        Thread removing = new Thread(() -> lab.runtime.remove(killed));
        removing.start();
        Lab.await(() -> waitsForTheDisk(removing), "a removal hangs");
        assertEquals(3, lab.runtime.list().size(), "and keeps nobody from looking");
        assertFalse(hasEnded(talker), "it waits for its log");
        disk.thaw();
        removing.join();
        StringBuilder expected = new StringBuilder("ready\n");
        for (int i = 1; i <= LINES; i++) {
            expected.append(i).append('\n');
        }
        Lab.Outcome outcome = lab.finish(talker);
        assertEquals(expected.toString(), outcome.output());
        assertEquals(7, outcome.exitCode());
    }

    /** Itself, or for who writes the end of the same container. */
    private static boolean waitsForTheDisk(Thread removing) {
        return removing.getState() == Thread.State.BLOCKED
                || Arrays.stream(removing.getStackTrace()).anyMatch(frame -> frame.getClassName().equals(RemovedContainers.class.getName()));
    }

    /** What the agent has read by then is the next one's, as is the end that the disk had not taken when it was told. */
    @Test
    @Timeout(300)
    void anOrderlyEndOfTheAgentWaitsForIt() throws Exception {
        String killed = start(script("echo last; exec busybox sleep 1000"));
        String goesOn = start(script("trap 'echo more' USR1; echo ready; while :; do busybox sleep 0.02; done"));
        Lab.await(() -> lab.output(goesOn, "stdout").equals("ready\n") && lab.output(killed, "stdout").equals("last\n"), "they are ready");
        disk.freeze();
        Screen seen = new Screen();
        lab.runtime.attach(goesOn, seen);
        lab.runtime.signal(goesOn, "USR1");
        Lab.await(() -> seen.text().equals("more\n"), "it was read");
        lab.runtime.signal(killed, "KILL");
        Lab.await(() -> hasEnded(killed), "an end is told");
        Thread closing = new Thread(lab.runtime::close);
        closing.start();
        Lab.await(() -> closing.getState() == Thread.State.TIMED_WAITING, "it waits for the disk");
        disk.thaw();
        closing.join();
        lab.runtime = lab.openRuntime();
        assertEquals("ready\nmore\n", lab.output(goesOn, "stdout"));
        Container ended = lab.runtime.inspect(killed);
        assertTrue(ended.state() == Container.State.EXITED && ended.exitCode().equals(OptionalInt.of(137)), ended.toString());
    }
}
