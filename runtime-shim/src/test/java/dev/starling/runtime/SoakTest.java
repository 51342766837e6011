package dev.starling.runtime;

import static dev.starling.runtime.SpecBuilder.run;
import static dev.starling.runtime.SpecBuilder.script;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.starling.runtime.ContainerRuntime.NetworkSetup;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Many starts, of which a good part fails, is killed, or has a process added, by a few threads at once: nothing may be left. The seed is printed; {@code
 * -Dstarling.soak.starts=10000 -Dstarling.soak.seed=N} for more, or the same again.
 */
class SoakTest {
    private static final int STARTS = Integer.getInteger("starling.soak.starts", 400);
    private static final long SEED = Long.getLong("starling.soak.seed", System.nanoTime());
    private static final int WORKERS = 4;

    /** What a leak would add to. */
    private record Footprint(long descriptors, long mounts, long children, int controlGroups, long bundles, long threads) {
        static Footprint now(Lab lab) {
            try {
                return new Footprint(
                        count(Path.of("/proc/self/fd")), mountsBelow(lab.directory), ProcessHandle.current().children().count(),
                        lab.controlGroups().size(), count(lab.directory.resolve("runtime/containers")), containerThreads());
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        }

        private static long count(Path directory) throws IOException {
            try (Stream<Path> files = Files.list(directory)) {
                return files.count();
            }
        }

        /** Others of this machine may mount what they like meanwhile. */
        private static long mountsBelow(Path directory) throws IOException {
            try (Stream<String> lines = Files.lines(Path.of("/proc/self/mountinfo"))) {
                return lines.filter(line -> line.contains(directory.toString())).count();
            }
        }

        private static long containerThreads() {
            return Thread.getAllStackTraces().keySet().stream().map(Thread::getName)
                    .filter(name -> name.startsWith("container-") || name.startsWith("exec-") || name.startsWith("proc-") || name.startsWith("volume-")).count();
        }
    }

    @Test
    void nothingIsLeftWhateverHappens() throws Exception {
        System.out.println("soak of " + STARTS + " starts, seed " + SEED);
        try (Lab lab = Lab.open()) {
            Random random = new Random(SEED);
            for (int kind = 0; kind < KINDS; kind++) one(lab, kind, SpecBuilder.run("true").id);
            Footprint before = Footprint.now(lab);
            ExecutorService workers = Executors.newFixedThreadPool(WORKERS);
            try {
                List<Future<?>> all = new ArrayList<>();
                for (int i = 0; i < STARTS; i++) {
                    int kind = random.nextInt(KINDS);
                    all.add(workers.submit(() -> one(lab, kind, SpecBuilder.run("true").id)));
                }
                for (Future<?> each : all) each.get();
            } finally {
                workers.shutdownNow();
            }
            Lab.await(() -> Footprint.now(lab).equals(before), "nothing is left, but: " + before + " -> " + Footprint.now(lab));
        }
    }

    private static final int KINDS = 8;

    private static void one(Lab lab, int kind, String id) {
        switch (kind) {
            case 0 -> assertEquals(0, lab.run(run("true").with(s -> s.id = id)).exitCode());
            case 1 -> refused(lab, run("/nosuch").with(s -> s.id = id), NetworkSetup.NONE);
            case 2 -> refused(lab, run("true").with(s -> s.id = id), (container, namespace) -> {
                throw RuntimeShimException.system("the network fails", null);
            });
            case 3 -> refused(lab, run("true").with(s -> {
                s.id = id;
                s.user = "nobody-knows";
            }), NetworkSetup.NONE);
            case 4 -> killed(lab, run("sleep", "1000").with(s -> s.id = id));
            case 5 -> assertEquals(9, lab.run(script("sleep 100 & kill -9 $!; exit 9").with(s -> s.id = id)).exitCode());
            case 6 -> withProcess(lab, run("sleep", "1000").with(s -> s.id = id), "echo more");
            case 7 -> withProcess(lab, run("sleep", "1000").with(s -> s.id = id), "sleep 1000");
            default -> throw new AssertionError(kind);
        }
    }

    private static void refused(Lab lab, SpecBuilder spec, NetworkSetup network) {
        assertThrows(RuntimeShimException.class, () -> lab.runtime.start(spec.build(), network));
    }

    private static void killed(Lab lab, SpecBuilder spec) {
        lab.runtime.start(spec.build(), NetworkSetup.NONE);
        lab.runtime.stop(spec.id, Duration.ZERO);
        lab.runtime.remove(spec.id);
    }

    /** The container ends before the process, or with it. */
    private static void withProcess(Lab lab, SpecBuilder spec, String command) {
        lab.runtime.start(spec.build(), NetworkSetup.NONE);
        ExecProcess process = lab.runtime.exec(spec.id, ExecSpec.of(List.of("sh", "-c", command)), (stream, bytes) -> true);
        if (command.startsWith("echo")) process.exit().toCompletableFuture().join();
        lab.runtime.stop(spec.id, Duration.ZERO);
        process.exit().toCompletableFuture().join();
        lab.runtime.remove(spec.id);
    }
}
