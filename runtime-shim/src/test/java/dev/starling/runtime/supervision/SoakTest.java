package dev.starling.runtime.supervision;

import static dev.starling.runtime.supervision.SpecBuilder.run;
import static dev.starling.runtime.supervision.SpecBuilder.script;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.starling.runtime.Container;
import dev.starling.runtime.ContainerRuntime.NetworkSetup;
import dev.starling.runtime.ExecProcess;
import dev.starling.runtime.ExecSpec;
import dev.starling.runtime.Mount;
import dev.starling.runtime.RuntimeShimException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/**
 * Many starts, of which a good part fails, is killed, or has a process added, by a few threads at once: nothing may be left, which is counted in /proc
 * (descriptors, mounts, processes, threads), in the control groups and in the runtime's directory. The seed is printed; {@code
 * -Dstarling.soak.starts=10000 -Dstarling.soak.seed=N} for more, or the same again.
 */
class SoakTest {
    private static final int STARTS = Integer.getInteger("starling.soak.starts", 300);
    private static final long SEED = Long.getLong("starling.soak.seed", System.nanoTime());
    private static final int WORKERS = 4;
    private static final int STARTS_BETWEEN_LOOKS = 2500;

    /** What happens to a container. */
    private enum Fate {
        ENDS_WELL, PROGRAM_IS_MISSING, NETWORK_FAILS, USER_IS_UNKNOWN, MOUNT_SOURCE_IS_MISSING, MOUNT_TARGET_IS_IMPOSSIBLE, KILLED_AT_ANY_MOMENT, KILLED_WHILE_HELD,
        REMOVED_IN_THE_MIDDLE, SAME_ID_TWICE, LEAVES_ORPHANS, PROCESS_ADDED, KILLED_WITH_ADDED_PROCESS, DISK_IS_FULL
    }

    @Test
    void nothingIsLeftWhateverHappens() throws Exception {
        System.out.println("soak of " + STARTS + " starts, seed " + SEED);
        try (Lab lab = Lab.open(); SmallDisk disk = new SmallDisk(); Lab fullLab = Lab.openIn(disk.directory)) {
            disk.fill();
            Random random = new Random(SEED);
            for (Fate fate : Fate.values()) {
                meet(fate, lab, fullLab, random.nextLong());
            }
            Footprint full = Footprint.atRest(fullLab);
            Footprint before = Footprint.atRest(lab);
            Map<Fate, Integer> counts = new EnumMap<>(Fate.class);
            for (int done = 0; done < STARTS; done += STARTS_BETWEEN_LOOKS) {
                atOnce(lab, fullLab, random, Math.min(STARTS_BETWEEN_LOOKS, STARTS - done), counts);
                before.awaitAgain(lab);
                full.awaitAgain(fullLab);
            }
            System.out.println("before: " + before + "\nafter:  " + Footprint.of(lab) + "\n" + counts);
        }
    }

    private static void atOnce(Lab lab, Lab fullLab, Random random, int starts, Map<Fate, Integer> counts) throws Exception {
        ExecutorService workers = Executors.newFixedThreadPool(WORKERS);
        try {
            List<Future<?>> all = new ArrayList<>();
            for (int i = 0; i < starts; i++) {
                Fate fate = Fate.values()[random.nextInt(Fate.values().length)];
                long seed = random.nextLong();
                counts.merge(fate, 1, Integer::sum);
                all.add(workers.submit(() -> meet(fate, lab, fullLab, seed)));
            }
            for (Future<?> each : all) {
                each.get();
            }
        } finally {
            workers.shutdownNow();
        }
    }

    private static void meet(Fate fate, Lab lab, Lab fullLab, long seed) {
        Random random = new Random(seed);
        switch (fate) {
            case ENDS_WELL -> assertEquals(0, lab.run(run("true")).exitCode());
            case PROGRAM_IS_MISSING -> refused(lab, run("/nosuch"), NetworkSetup.NONE);
            case NETWORK_FAILS -> refused(lab, run("true"), (container, namespace) -> {
                throw RuntimeShimException.system("the network fails", null);
            });
            case USER_IS_UNKNOWN -> refused(lab, run("true").with(s -> s.user = "nobody-knows"), NetworkSetup.NONE);
            case MOUNT_SOURCE_IS_MISSING -> refused(lab, mounting(lab.directory.resolve("nosuch"), "/mnt"), NetworkSetup.NONE);
            case MOUNT_TARGET_IS_IMPOSSIBLE -> refused(lab, mounting(lab.directory, "/bin/busybox/below"), NetworkSetup.NONE);
            case KILLED_AT_ANY_MOMENT -> killed(lab, run("sleep", "1000"), random.nextInt(20));
            case KILLED_WHILE_HELD -> killedWhileHeld(lab, run("true"));
            case REMOVED_IN_THE_MIDDLE -> removedInTheMiddle(lab, run("sleep", "1000"), random.nextInt(20));
            case SAME_ID_TWICE -> sameIdTwice(lab, run("true"));
            case LEAVES_ORPHANS -> assertEquals(9, lab.run(script("sleep 100 & kill -9 $!; sleep 100 & exit 9")).exitCode());
            case PROCESS_ADDED -> withProcess(lab, run("sleep", "1000"), "echo more");
            case KILLED_WITH_ADDED_PROCESS -> withProcess(lab, run("sleep", "1000"), "sleep 1000");
            case DISK_IS_FULL -> onFullDisk(fullLab, run("dd", "if=/dev/zero", "bs=64k", "count=4"));
        }
    }

    private static void refused(Lab lab, SpecBuilder spec, NetworkSetup network) {
        assertThrows(RuntimeShimException.class, () -> lab.runtime.start(spec.build(), network));
    }

    private static SpecBuilder mounting(Path source, String target) {
        return run("true").with(s -> s.mounts = List.of(new Mount(Mount.Type.BIND, source.toString(), target, false)));
    }

    private static void killed(Lab lab, SpecBuilder spec, int afterMillis) {
        lab.runtime.start(spec.build(), NetworkSetup.NONE);
        pause(afterMillis);
        lab.runtime.stop(spec.id, Duration.ZERO);
        lab.runtime.remove(spec.id);
    }

    /** By whom the machine's memory was too small for it, say. It has ended then, or its start has failed. */
    private static void killedWhileHeld(Lab lab, SpecBuilder spec) {
        try {
            lab.runtime.start(spec.build(), (container, namespace) ->
                    ProcessHandle.of(Long.parseLong(namespace.getName(1).toString())).ifPresent(ProcessHandle::destroyForcibly));
        } catch (RuntimeShimException e) {
            return;
        }
        assertEquals(137, lab.finish(spec.id).exitCode());
    }

    private static void removedInTheMiddle(Lab lab, SpecBuilder spec, int afterMillis) {
        CompletableFuture<Void> start = CompletableFuture.runAsync(() -> lab.runtime.start(spec.build(), NetworkSetup.NONE));
        pause(afterMillis);
        boolean removed = false;
        while (!removed || !start.isDone()) {
            try {
                lab.runtime.remove(spec.id);
                removed = start.isDone() && lab.runtime.inspect(spec.id) == null;
            } catch (RuntimeShimException e) {
                assertEquals(RuntimeShimException.Kind.CONFLICT, e.kind(), e.getMessage()); // it runs
                lab.runtime.stop(spec.id, Duration.ZERO);
            }
        }
        start.join();
    }

    private static void sameIdTwice(Lab lab, SpecBuilder spec) {
        CompletableFuture<Boolean> other = CompletableFuture.supplyAsync(() -> starts(lab, spec));
        boolean one = starts(lab, spec);
        assertEquals(1, (one ? 1 : 0) + (other.join() ? 1 : 0), "of two starts with one id one succeeds");
        lab.finish(spec.id);
    }

    private static boolean starts(Lab lab, SpecBuilder spec) {
        try {
            lab.runtime.start(spec.build(), NetworkSetup.NONE);
            return true;
        } catch (RuntimeShimException e) {
            assertEquals(RuntimeShimException.Kind.CONFLICT, e.kind(), e.getMessage());
            return false;
        }
    }

    /** The container ends before the process, or with it. */
    private static void withProcess(Lab lab, SpecBuilder spec, String command) {
        lab.runtime.start(spec.build(), NetworkSetup.NONE);
        ExecProcess process = lab.runtime.exec(spec.id, ExecSpec.of(List.of("sh", "-c", command)), (stream, bytes) -> true);
        if (command.startsWith("echo")) {
            process.exit().toCompletableFuture().join();
        }
        lab.runtime.stop(spec.id, Duration.ZERO);
        process.exit().toCompletableFuture().join();
        lab.runtime.remove(spec.id);
    }

    /** It loses log lines, or cannot even start. */
    private static void onFullDisk(Lab lab, SpecBuilder spec) {
        try {
            lab.runtime.start(spec.build(), NetworkSetup.NONE);
        } catch (RuntimeShimException e) {
            return;
        }
        Lab.await(() -> lab.runtime.inspect(spec.id).state() == Container.State.EXITED, "container " + spec.id + " ends");
        lab.runtime.remove(spec.id);
    }

    private static void pause(int millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** A file system of its own with hardly any room left. */
    private static final class SmallDisk implements AutoCloseable {
        private static final int LEFT_BYTES = 100_000;
        final Path directory;

        SmallDisk() throws IOException, InterruptedException {
            directory = Files.createTempDirectory("starling-small-disk");
            assertEquals(0, new ProcessBuilder("mount", "-t", "tmpfs", "-o", "size=8m,mode=700", "tmpfs", directory.toString()).inheritIO().start().waitFor());
        }

        void fill() throws IOException {
            try (RandomAccessFile file = new RandomAccessFile(directory.resolve("fill").toFile(), "rw")) {
                byte[] block = new byte[4096];
                while (directory.toFile().getUsableSpace() > LEFT_BYTES) {
                    file.write(block);
                }
            }
        }

        @Override
        public void close() throws IOException {
            try {
                new ProcessBuilder("umount", "--lazy", directory.toString()).inheritIO().start().waitFor();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            Files.delete(directory);
        }
    }
}
