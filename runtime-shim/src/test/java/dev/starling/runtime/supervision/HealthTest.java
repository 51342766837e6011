package dev.starling.runtime.supervision;

import static dev.starling.runtime.supervision.SpecBuilder.run;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.runtime.ContainerRuntime.NetworkSetup;
import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.ExecSpec;
import dev.starling.runtime.Health;
import dev.starling.runtime.Health.Status;
import dev.starling.runtime.HealthCheck;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.kernel.Signals;
import dev.starling.runtime.launch.ExitStatus;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** When a container is well: the rule, and probes of real containers. */
class HealthTest {
    private static final Instant START = Instant.EPOCH;

    /** Probes are SECOND:CODE; the status after each is told by its first letter. Start period 10 s, three retries. */
    @ParameterizedTest
    @CsvSource({
        "12:0, H", "2:1 4:1 6:1 8:1 9:1, S S S S S", "2:1 4:0, S H", "2:0 4:1 6:1 8:1, H H H U", "11:1 12:1 13:1, S S U", "9:1 11:1 12:1 13:1, S S S U",
        "11:1 12:1 13:0 14:1 15:1 16:1, S S H H H U", "11:1 12:1 13:1 14:0, S S U H", "11:-1 12:-1 13:137, S S U",
    })
    void statusFollowsTheProbes(String probes, String expected) {
        HealthCheck check = new HealthCheck(List.of("CMD", "x"), 0, 0, 10_000, 0, 3).over(HealthCheck.INHERIT);
        Health health = Health.STARTING;
        List<String> statuses = new ArrayList<>();
        for (String probe : probes.split(" ")) {
            Instant at = START.plusSeconds(Long.parseLong(probe.split(":")[0]));
            health = health.after(new Health.Result(at, at, Integer.parseInt(probe.split(":")[1]), ""), check, START);
            statuses.add(health.status().name().substring(0, 1));
        }
        assertEquals(expected, String.join(" ", statuses));
        assertTrue(health.log().size() <= 5);
    }

    @Test
    void theStartIntervalHoldsUntilTheFirstSuccess() {
        HealthCheck check = new HealthCheck(List.of("CMD", "x"), 7_000, 0, 10_000, 1_000, 3);
        assertEquals(Duration.ofSeconds(1), Health.STARTING.untilNext(check, START, START.plusSeconds(9)));
        assertEquals(Duration.ofSeconds(7), Health.STARTING.untilNext(check, START, START.plusSeconds(10)));
        assertEquals(Duration.ofSeconds(7), new Health(Status.HEALTHY, 0, List.of()).untilNext(check, START, START.plusSeconds(1)));
    }

    @Test
    void theServiceCompletesTheImage() {
        HealthCheck image = new HealthCheck(List.of("CMD-SHELL", "curl x"), 1000, 2000, 0, 0, 9);
        assertEquals(new HealthCheck(List.of("CMD-SHELL", "curl x"), 5, 2000, 0, 5000, 9), new HealthCheck(List.of(), 5, 0, 0, 0, 0).over(image));
        assertEquals(List.of("NONE"), new HealthCheck(List.of("NONE"), 0, 0, 0, 0, 0).over(image).test());
        assertThrows(RuntimeShimException.class, () -> new HealthCheck(List.of("SHELL", "x"), 0, 0, 0, 0, 0).check());
    }

    private static HealthCheck every20Millis(long timeoutMillis, String... test) {
        return new HealthCheck(List.of(test), 20, timeoutMillis, 0, 20, 2);
    }

    @Test
    void aContainerBecomesHealthyAndUnhealthy() throws Exception {
        try (Lab lab = Lab.open()) {
            List<Status> told = new CopyOnWriteArrayList<>();
            lab.runtime.onHealth(container -> told.add(container.health().status()));
            ContainerSpec spec = run("sleep", "1000").with(s -> s.health = new HealthCheck(
                    List.of("CMD-SHELL", "echo looking; test -e /tmp/well"), 20, 0, 60_000, 20, 2)).build();
            assertEquals(Status.STARTING, lab.runtime.start(spec, NetworkSetup.NONE).health().status());
            Lab.await(() -> !health(lab, spec).log().isEmpty(), "a probe");
            assertEquals(Status.STARTING, health(lab, spec).status());
            assertEquals("looking\n", health(lab, spec).log().get(0).output());
            exec(lab, spec, "touch", "/tmp/well");
            Lab.await(() -> health(lab, spec).status() == Status.HEALTHY, "it is healthy");
            exec(lab, spec, "busybox", "rm", "/tmp/well");
            Lab.await(() -> health(lab, spec).status() == Status.UNHEALTHY, "it is unhealthy");
            Lab.await(() -> told.equals(List.of(Status.HEALTHY, Status.UNHEALTHY)), "each change is told once, but: " + told);
        }
    }

    @Test
    void aProbeThatHangsIsKilledAndOneThatIsMissingFails() {
        try (Lab lab = Lab.open()) {
            ContainerSpec hangs = run("sleep", "1000").with(s -> s.health = every20Millis(50, "CMD", "sleep", "999")).build();
            ContainerSpec missing = run("sleep", "1000").with(s -> s.health = every20Millis(0, "CMD", "/nosuch")).build();
            lab.runtime.start(hangs, NetworkSetup.NONE);
            lab.runtime.start(missing, NetworkSetup.NONE);
            Lab.await(() -> health(lab, hangs).status() == Status.UNHEALTHY && health(lab, missing).status() == Status.UNHEALTHY, "both are unhealthy");
            assertEquals("Health check exceeded timeout (0.05s)", health(lab, hangs).log().get(0).output());
            assertTrue(health(lab, missing).log().get(0).output().contains("no such file"), health(lab, missing).log().toString());
            lab.runtime.pause(hangs.id(), true);
            Lab.await(() -> lab.runtime.processes(hangs.id()).size() <= 2, "probes do not pile up");
            lab.runtime.pause(hangs.id(), false);
        }
    }

    @Test
    void aProbeThatTheAgentsEndCutsOffSaysNothing() {
        try (Lab lab = Lab.open()) {
            ContainerSpec spec = run("sleep", "1000").with(s -> s.health = new HealthCheck(List.of("CMD", "sleep", "999"), 20, 60_000, 0, 0, 1)).build();
            lab.runtime.start(spec, NetworkSetup.NONE);
            Kernel kernel = Kernel.load();
            Lab.await(() -> probes(lab, kernel, spec).size() == 1, "a probe runs");
            int probe = probes(lab, kernel, spec).get(0);
            lab.runtime.close();
            Status last = health(lab, spec).status();
            // an agent ends, and init reaps what it leaves; this JVM goes on, and its child would keep the container from ending
            try (Descriptor process = kernel.openProcess(probe)) {
                kernel.signal(process, Signals.SIGKILL);
            }
            ExitStatus.await(kernel, probe);
            lab.runtime = lab.openRuntime();
            assertEquals(Status.STARTING, last);
        }
    }

    private static List<Integer> probes(Lab lab, Kernel kernel, ContainerSpec spec) {
        return lab.runtime.processes(spec.id()).stream().filter(pid -> kernel.read("/proc/" + pid + "/cmdline").contains("999")).toList();
    }

    private static Health health(Lab lab, ContainerSpec spec) {
        return lab.runtime.inspect(spec.id()).health();
    }

    private static void exec(Lab lab, ContainerSpec spec, String... command) {
        assertEquals(0, lab.runtime.exec(spec.id(), ExecSpec.of(List.of(command)), (stream, bytes) -> true).exit().toCompletableFuture().join().orElseThrow());
    }
}
