package dev.starling.runtime.supervision;

import static dev.starling.runtime.supervision.SpecBuilder.run;
import static dev.starling.runtime.supervision.SpecBuilder.script;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.runtime.ContainerRuntime.NetworkSetup;
import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.ContainerStats;
import dev.starling.runtime.ExecProcess;
import dev.starling.runtime.ExecSpec;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.RuntimeShimException.Kind;
import dev.starling.runtime.Security;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Processes that are added to a running container. */
@ParameterizedClass
@EnumSource(Implementation.class)
class ExecTest extends LabForAllTests {
    private static final String STATUS = "while read n v; do case $n in Cap*|Seccomp:|NoNewPrivs:) echo $n $v;; esac; done < /proc/%s/status; cat /proc/%s/cgroup";

    private static String id;

    @BeforeParameterizedClassInvocation
    static void start() {
        ContainerSpec spec = run("sleep", "1000").with(s -> {
            s.env = List.of("FROM_SPEC=yes");
            s.workingDirectory = "/tmp";
        }).build();
        lab.runtime.start(spec, NetworkSetup.NONE);
        id = spec.id();
    }

    /** What a process wrote, and how it ended. */
    private static final class Outcome implements ExecProcess.Output {
        final ByteArrayOutputStream output = new ByteArrayOutputStream();
        final ByteArrayOutputStream errors = new ByteArrayOutputStream();

        @Override
        public synchronized boolean accept(int stream, byte[] bytes) {
            (stream == 1 ? output : errors).writeBytes(bytes);
            return true;
        }

        synchronized String output() {
            return output.toString(StandardCharsets.UTF_8);
        }
    }

    private static int exitCode(ExecProcess process) throws Exception {
        return process.exit().toCompletableFuture().get(90, TimeUnit.SECONDS).orElseThrow();
    }

    private static String output(String script) throws Exception {
        Outcome outcome = new Outcome();
        assertEquals(0, exitCode(lab.runtime.exec(id, ExecSpec.of(List.of("sh", "-c", script)), outcome)), outcome.output());
        return outcome.output();
    }

    @Test
    void streamsAreApartAndTheExitCodeIsTold() throws Exception {
        Outcome outcome = new Outcome();
        ExecProcess process = lab.runtime.exec(id, ExecSpec.of(List.of("sh", "-c", "echo out; echo err >&2; exit 7")), outcome);
        assertEquals(7, exitCode(process));
        assertEquals("out\n", outcome.output());
        assertEquals("err\n", outcome.errors.toString(StandardCharsets.UTF_8));
    }

    @Test
    void itFindsTheContainersEnvironmentAndDirectory() throws Exception {
        assertEquals("yes yes /root /tmp\n", output("echo $FROM_SPEC $FROM_IMAGE $HOME $(pwd)"));
    }

    @Test
    void itsUserEnvironmentAndDirectoryMayBeOthers() throws Exception {
        Outcome outcome = new Outcome();
        ExecSpec spec = new ExecSpec(
                List.of("sh", "-c", "id -u; id -g; echo $HOME $MORE; pwd; echo reopened > /dev/stdout"), List.of("MORE=1"), "alice", "/home", false, false, 0, 0);
        assertEquals(0, exitCode(lab.runtime.exec(id, spec, outcome)));
        assertEquals("1000\n1001\n/home/alice 1\n/home\nreopened\n", outcome.output());
    }

    @Test
    void itHasTheRightsAndGroupsOfTheFirstProcessAndNoMore() throws Exception {
        assertEquals(output(String.format(STATUS, "1", "1")), output(String.format(STATUS, "self", "self")));
        assertTrue(output("ls /proc/self/fd | wc -l").strip().matches("[34]"), "no descriptor of the agent");
    }

    @Test
    void standardInputComesWholeAndEnds() throws Exception {
        Outcome outcome = new Outcome();
        ExecProcess process = lab.runtime.exec(id, new ExecSpec(List.of("wc", "-c"), List.of(), "", "", false, true, 0, 0), outcome);
        for (int i = 0; i < 20; i++) {
            process.write(new byte[100_000]).toCompletableFuture().get(90, TimeUnit.SECONDS);
        }
        process.closeInput();
        assertEquals(0, exitCode(process));
        assertEquals("2000000", outcome.output().strip());
        assertThrows(CompletionException.class, () -> process.write(new byte[1]).toCompletableFuture().join());
    }

    @Test
    void withoutInputItIsEmpty() throws Exception {
        assertEquals("0", output("wc -c").strip());
    }

    /** Many times with {@code -Dstarling.exec.terminals=60}: what may come too late does so under load. */
    @Test
    void aTerminalHasASizeAndIsTheControllingOne() throws Exception {
        int late = 0;
        int all = Integer.getInteger("starling.exec.terminals", 1);
        for (int i = 0; i < all; i++) {
            late += terminal() ? 1 : 0;
        }
        if (all > 1) {
            System.out.println(implementation + ": " + late + " of " + all + " terminals had their size only after the program's first instruction");
        }
    }

    /** crun lets the process go before it sets the size; the program is told by SIGWINCH then. With the others it is there from the beginning. */
    private boolean terminal() throws Exception {
        Outcome outcome = new Outcome();
        String settled = Set.of(Implementation.CRUN, Implementation.CRUN_MAPPED).contains(implementation)
                ? "while test -z \"$(busybox stty size 2>/dev/null)\"; do echo late; sleep 0.01; done; " : "";
        ExecSpec spec = new ExecSpec(
                List.of("sh", "-c", "test -t 0 && echo tty > /dev/tty; " + settled + "busybox stty size; read line; busybox stty size; echo $TERM got $line"),
                List.of(), "alice", "", true, true, 24, 81);
        ExecProcess process = lab.runtime.exec(id, spec, outcome);
        Lab.await(() -> outcome.output().contains("24 81"), () -> "the first size is told, but: " + outcome.output());
        process.resize(30, 90);
        process.write("word\n".getBytes(StandardCharsets.UTF_8)).toCompletableFuture().get(90, TimeUnit.SECONDS);
        assertEquals(0, exitCode(process));
        assertEquals("tty\r\n24 81\r\nword\r\n30 90\r\nxterm got word\r\n", outcome.output().replace("late\r\n", ""));
        return outcome.output().contains("late");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "nosuch     | executable file not found in $PATH", "/bin/nosuch | no such file or directory", "/etc | is a directory",
        "/etc/group | permission denied",
    })
    void whatCannotBeRunIsToldInDockersWords(String program, String reason) {
        RuntimeShimException refused =
                assertThrows(RuntimeShimException.class, () -> lab.runtime.exec(id, ExecSpec.of(List.of(program)), new Outcome()));
        assertEquals(Kind.INVALID, refused.kind());
        if (implementation == Implementation.NATIVE) {
            assertTrue(refused.getMessage().contains(reason), refused.getMessage());
        }
    }

    @Test
    void aReaderWhoIsFullHoldsTheProcessUp() throws Exception {
        AtomicLong taken = new AtomicLong();
        ExecProcess process = lab.runtime.exec(id, ExecSpec.of(List.of("sh", "-c", "yes | head -c 10000000")), (stream, bytes) -> {
            taken.addAndGet(bytes.length);
            return false;
        });
        Lab.await(() -> taken.get() > 0, "something comes");
        long first = taken.get();
        assertEquals("still\n", output("echo still"), "others go on");
        assertEquals(first, taken.get());
        while (!process.exit().toCompletableFuture().isDone()) {
            process.resumeOutput();
        }
        assertEquals(10_000_000, taken.get());
    }

    @Test
    void itEndsWithItsContainerAndIsRefusedAfterwards() throws Exception {
        ContainerSpec spec = run("sleep", "1000").build();
        lab.runtime.start(spec, NetworkSetup.NONE);
        ExecProcess process = lab.runtime.exec(spec.id(), ExecSpec.of(List.of("sleep", "1000")), new Outcome());
        lab.runtime.stop(spec.id(), Duration.ZERO);
        assertEquals(137, exitCode(process));
        RuntimeShimException refused =
                assertThrows(RuntimeShimException.class, () -> lab.runtime.exec(spec.id(), ExecSpec.of(List.of("true")), new Outcome()));
        assertEquals(Kind.CONFLICT, refused.kind());
        lab.runtime.remove(spec.id());
    }

    @Test
    void aContainerThatMayTraceIsRefusedOnlyWhereItCouldReadTheAgentsMemory() throws Exception {
        ContainerSpec spec = run("sleep", "1000").with(s -> s.security = Security.DEFAULT.withCapabilities(List.of("SYS_PTRACE"), List.of())).build();
        lab.runtime.start(spec, NetworkSetup.NONE);
        if (implementation == Implementation.NATIVE) {
            RuntimeShimException refused =
                    assertThrows(RuntimeShimException.class, () -> lab.runtime.exec(spec.id(), ExecSpec.of(List.of("true")), new Outcome()));
            assertEquals(Kind.UNSUPPORTED, refused.kind());
        } else {
            assertEquals(0, exitCode(lab.runtime.exec(spec.id(), ExecSpec.of(List.of("true")), new Outcome())));
        }
        lab.runtime.stop(spec.id(), Duration.ZERO);
        lab.runtime.remove(spec.id());
    }

    private static boolean standsStill(String id) {
        long before = lab.runtime.stats(id).groups().cpuNanos();
        LockSupport.parkNanos(100_000_000L);
        return lab.runtime.stats(id).groups().cpuNanos() == before;
    }

    @Test
    void aPausedContainerStandsStillAndIsStoppedAllTheSame() {
        ContainerSpec spec = script("i=0; while true; do i=$((i+1)); echo $i; done").build();
        lab.runtime.start(spec, NetworkSetup.NONE);
        lab.runtime.pause(spec.id(), true);
        assertTrue(lab.runtime.inspect(spec.id()).paused());
        // what ran on another processor in that moment is booked a little later
        Lab.await(() -> standsStill(spec.id()), "it stands still");
        long cpu = lab.runtime.stats(spec.id()).groups().cpuNanos();
        assertEquals(Kind.CONFLICT, assertThrows(
                RuntimeShimException.class, () -> lab.runtime.exec(spec.id(), ExecSpec.of(List.of("true")), new Outcome())).kind());
        assertEquals(cpu, lab.runtime.stats(spec.id()).groups().cpuNanos());
        lab.runtime.pause(spec.id(), false);
        Lab.await(() -> lab.runtime.stats(spec.id()).groups().cpuNanos() > cpu, "it goes on");
        lab.runtime.pause(spec.id(), true);
        lab.runtime.stop(spec.id(), Duration.ZERO);
        assertEquals(137, lab.runtime.inspect(spec.id()).exitCode().orElseThrow());
        lab.runtime.remove(spec.id());
    }

    @Test
    void statisticsAndProcessesAreCounted() throws Exception {
        output("dd if=/dev/zero of=/tmp/file bs=1000000 count=1 2>/dev/null");
        ContainerStats stats = lab.runtime.stats(id);
        assertTrue(stats.groups().cpuNanos() > 0 && stats.groups().memoryBytes() > 0 && stats.groups().pids() >= 1, stats.toString());
        assertEquals(0, stats.groups().memoryLimitBytes());
        assertTrue(lab.runtime.processes(id).contains(lab.runtime.inspect(id).pid()));
    }

    @Test
    void manyLeaveNothingBehind() throws Exception {
        output("true");
        long before = descriptors();
        for (int i = 0; i < 50; i++) {
            output("echo " + i);
        }
        Lab.await(() -> descriptors() <= before, "descriptors are closed");
        String[] gates = lab.directory.resolve("runtime/gates").toFile().list();
        assertTrue(gates.length <= 4, "gates are used again: " + List.of(gates));
    }

    private static long descriptors() {
        return new java.io.File("/proc/self/fd").list().length;
    }
}
