package dev.starling.runtime.supervision;

import static dev.starling.runtime.supervision.SpecBuilder.run;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.runtime.Container;
import dev.starling.runtime.ContainerRuntime.NetworkSetup;
import dev.starling.runtime.ContainerSpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** Many starts leak nothing, and may be made at once. Prints what a start costs. */
@ParameterizedClass
@EnumSource(value = Implementation.class, names = "NATIVE")
class ManyContainersTest extends LabForAllTests {
    private static final int CYCLES = 100;
    private static final int WORKERS = 4;

    @Test
    void nothingLeaks() {
        for (int i = 0; i < 10; i++) {
            lab.run(run("true"));
        }
        Footprint before = Footprint.atRest(lab);
        long[] startMicros = new long[CYCLES];
        long[] cycleMicros = new long[CYCLES];
        for (int i = 0; i < CYCLES; i++) {
            ContainerSpec spec = run("true").build();
            long begun = System.nanoTime();
            lab.runtime.start(spec, NetworkSetup.NONE);
            startMicros[i] = (System.nanoTime() - begun) / 1000;
            Lab.await(() -> lab.runtime.inspect(spec.id()).state() == Container.State.EXITED, "it ends");
            assertEquals(0, lab.runtime.inspect(spec.id()).exitCode().orElseThrow());
            lab.runtime.remove(spec.id());
            cycleMicros[i] = (System.nanoTime() - begun) / 1000;
        }
        System.out.println("container start: " + summary(startMicros) + "; start, wait, remove: " + summary(cycleMicros));
        before.awaitAgain(lab);
    }

    private static String summary(long[] micros) {
        long[] sorted = micros.clone();
        Arrays.sort(sorted);
        return String.format("p50 %.1f ms, p99 %.1f ms", sorted[sorted.length / 2] / 1000.0, sorted[sorted.length * 99 / 100] / 1000.0);
    }

    @Test
    void startsMayBeMadeAtOnce() throws Exception {
        Footprint before = Footprint.atRest(lab);
        ExecutorService workers = Executors.newFixedThreadPool(WORKERS);
        try {
            long begun = System.nanoTime();
            List<Future<String>> outputs = new ArrayList<>();
            for (int i = 0; i < 10 * WORKERS; i++) {
                String text = "container " + i;
                outputs.add(workers.submit(() -> lab.run(run("echo", text)).output()));
            }
            for (int i = 0; i < outputs.size(); i++) {
                assertEquals("container " + i + "\n", outputs.get(i).get());
            }
            double seconds = (System.nanoTime() - begun) / 1e9;
            System.out.printf("%d containers by %d threads: %.0f a second%n", outputs.size(), WORKERS, outputs.size() / seconds);
        } finally {
            workers.shutdownNow();
            assertTrue(workers.awaitTermination(90, java.util.concurrent.TimeUnit.SECONDS));
        }
        before.awaitAgain(lab);
    }

    @Test
    void olderKernelsWayOfMountingProcWorks() {
        try (Lab older = Lab.open(Implementation.NATIVE, true)) {
            assertEquals("1\n", older.run(SpecBuilder.script("echo $$; test -e /proc/1/exe || echo no proc; cat /proc/kcore")).output());
        }
    }
}
