package dev.starling.runtime.supervision;

import static dev.starling.runtime.supervision.SpecBuilder.run;
import static dev.starling.runtime.supervision.SpecBuilder.script;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.runtime.Container;
import dev.starling.runtime.ContainerRuntime.NetworkSetup;
import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.image.Image;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.launch.ExitStatus;
import dev.starling.runtime.launch.ProcessPlan;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Containers outlive their agent, and the next one takes them over. */
@ParameterizedClass
@EnumSource(value = Implementation.class, mode = EnumSource.Mode.EXCLUDE, names = "CRUN_MAPPED")
class AdoptionTest extends LabForEachTest {
    @Test
    void secondAgentIsRefusedWhileTheFirstIsThere() {
        RuntimeShimException refusal = assertThrows(RuntimeShimException.class, lab::openRuntime);
        assertEquals(RuntimeShimException.Kind.CONFLICT, refusal.kind());
    }

    @Test
    void nextAgentAdoptsAndLosesNoOutput() {
        SpecBuilder spec = script("trap 'told=yes' USR1; i=0; while [ $i -lt 200 ]; do echo line $i; i=$((i+1)); sleep 0.01; "
                + "while [ $i = 100 ] && [ -z \"$told\" ]; do sleep 0.05; done; done; exit 4");
        int pid = lab.runtime.start(spec.build(), NetworkSetup.NONE).pid();
        Lab.await(() -> lab.output(spec.id, "stdout").contains("line 3\n"), "it writes");
        lab.runtime.close();

        lab.runtime = lab.openRuntime();
        List<Container> ends = new CopyOnWriteArrayList<>();
        lab.runtime.onExit(ends::add);
        Container adopted = lab.runtime.inspect(spec.id);
        assertEquals(Container.State.RUNNING, adopted.state());
        assertEquals(pid, adopted.pid());
        assertEquals(spec.build(), adopted.spec());
        lab.runtime.signal(spec.id, "USR1");
        Lab.await(() -> ends.size() == 1, "the end is told");
        Lab.Outcome outcome = lab.finish(spec.id);
        assertEquals(4, outcome.exitCode());
        StringBuilder expected = new StringBuilder();
        for (int i = 0; i < 200; i++) {
            expected.append("line ").append(i).append('\n');
        }
        assertEquals(expected.toString(), outcome.output());
    }

    @Test
    void endWithoutAnAgentIsToldToTheNext() {
        SpecBuilder spec = run("sleep", "1000");
        Container running = lab.runtime.start(spec.build(), NetworkSetup.NONE);
        lab.runtime.close();
        ProcessHandle.of(running.pid()).orElseThrow().destroyForcibly();
        lab.runtime = lab.openRuntime();
        List<Container> ends = new CopyOnWriteArrayList<>();
        lab.runtime.onExit(ends::add);
        Lab.await(() -> ends.size() == 1, "the end is told to a listener that came later");
        assertEquals(OptionalInt.of(137), ends.get(0).exitCode());
        assertEquals(List.of(), lab.controlGroups());
    }

    @Test
    void endedContainersAreRememberedUntilRemoved() {
        SpecBuilder spec = script("echo kept; exit 3");
        lab.runtime.start(spec.build(), NetworkSetup.NONE);
        Lab.await(() -> lab.runtime.inspect(spec.id).state() == Container.State.EXITED, "it ends");
        lab.runtime.close();
        lab.runtime = lab.openRuntime();
        Lab.Outcome outcome = lab.finish(spec.id);
        assertEquals(3, outcome.exitCode());
        assertEquals("kept\n", outcome.output());
        assertNull(lab.runtime.inspect(spec.id));
    }

    @Test
    void containersOfAKilledAgentGoOnAndTheirEndIsSeen() throws Exception {
        String id = run().id;
        lab.runtime.close();
        try (Agent agent = Agent.start(lab, id, "i=0; while ! test -e /dev/shm/stop; do echo line $i; i=$((i+1)); sleep 0.02; done; echo end; exit 11", false)) {
            String word = agent.word();
            assertTrue(word.startsWith("started "), word);
            agent.killHard();
            lab.runtime = lab.openRuntime();
            Container adopted = lab.runtime.inspect(id);
            assertEquals(Container.State.RUNNING, adopted.state());
            lab.touch(id, "/dev/shm/stop");
            Lab.Outcome outcome = lab.finish(id);
            assertTrue(outcome.output().endsWith("end\n"), outcome.output());
            // init may have reaped it in a kernel that forgets: then it is unknown, but never another number
            assertTrue(outcome.container().exitCode().equals(OptionalInt.of(11)) || outcome.container().exitCode().isEmpty(), outcome.container().toString());
            System.out.println("exit code of an adopted stranger: " + outcome.container().exitCode());
        }
    }

    /** {@code state.json} is there a moment before the process is let go. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void processHeldByAKilledAgentIsSweptAway(boolean stateIsWritten) throws Exception {
        String id = run().id;
        lab.runtime.close();
        try (Agent agent = Agent.start(lab, id, "echo must not run", true)) {
            String word = agent.word();
            assertTrue(word.startsWith("held /proc/"), word);
            Path process = Path.of(word.substring("held ".length())).getParent().getParent();
            agent.killHard();
            assertTrue(Files.exists(process), "the held process is still there");
            if (stateIsWritten) {
                writeState(id, Integer.parseInt(process.getFileName().toString()));
            }
            lab.runtime = lab.openRuntime();
            assertNull(lab.runtime.inspect(id));
            Lab.await(() -> !Files.exists(process) || state(process).equals("Z"), "it is gone (or a zombie of an init that does not reap)");
            assertEquals(List.of(), lab.controlGroups());
            assertFalse(Files.exists(lab.directory.resolve("runtime/containers").resolve(id)));
        }
    }

    /** As a power cut leaves one whose deletion it interrupts. */
    @Test
    void aContainerThatHasLostItsStreamsDoesNotKeepTheAgentFromStarting() throws Exception {
        SpecBuilder spec = run("sleep", "1000");
        lab.runtime.start(spec.build(), NetworkSetup.NONE);
        lab.runtime.close();
        Files.delete(lab.directory.resolve("runtime/containers").resolve(spec.id).resolve("stdout"));
        lab.runtime = lab.openRuntime();
        assertEquals(Container.State.RUNNING, lab.runtime.inspect(spec.id).state());
        lab.runtime.stop(spec.id, Duration.ZERO);
        assertEquals(OptionalInt.of(137), lab.runtime.inspect(spec.id).exitCode());
        lab.runtime.remove(spec.id);
        assertEquals(List.of(), lab.controlGroups());
    }

    /** As on a disk with a damaged directory; here something is mounted in it. */
    @Test
    void remainsThatCannotBeDeletedDoNotKeepTheAgentFromStarting() throws Exception {
        lab.runtime.close();
        String id = run().id;
        Path stuck = Files.createDirectories(lab.directory.resolve("runtime/containers").resolve(id).resolve("upper"));
        Kernel kernel = Kernel.load();
        kernel.mount("stuck", stuck.toString(), "tmpfs", 0, null);
        try {
            lab.runtime = lab.openRuntime();
            assertNull(lab.runtime.inspect(id));
            assertEquals(0, lab.run(run("true")).exitCode());
        } finally {
            kernel.check(kernel.libc().umount2(stuck.toString(), 0), "umount", stuck.toString());
        }
    }

    private void writeState(String id, int pid) {
        Kernel kernel = Kernel.load();
        ContainerSpec spec = SpecBuilder.script("echo must not run").with(s -> s.id = id).build();
        ProcessPlan plan = ProcessPlan.of(spec, new Image.Config(List.of(), List.of(), List.of(), "", "", "", Map.of(), List.of(), List.of()), -1);
        String bootId = kernel.read("/proc/sys/kernel/random/boot_id").trim();
        ContainerState.running(spec, plan, pid, ExitStatus.startTime(kernel, pid), bootId, Instant.now())
                .append(lab.directory.resolve("runtime/containers").resolve(id).resolve("state.json"));
    }

    private static String state(Path process) {
        try {
            String stat = Files.readString(process.resolve("stat"));
            return stat.substring(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
        } catch (java.io.IOException e) {
            return "Z";
        }
    }

    /** Another JVM; gone when the test is. */
    private record Agent(Process process, BufferedReader words) implements AutoCloseable {
        static Agent start(Lab lab, String id, String script, boolean hold) throws Exception {
            Process process = AgentProcess.start(lab, id, script, hold, false);
            return new Agent(process, new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8)));
        }

        String word() throws Exception {
            String word = words.readLine();
            return word == null ? "ended with " + process.waitFor() : word;
        }

        void killHard() throws InterruptedException {
            process.destroyForcibly();
            assertTrue(process.waitFor(Duration.ofSeconds(90).toMillis(), TimeUnit.MILLISECONDS));
        }

        @Override
        public void close() {
            process.destroyForcibly();
        }
    }
}
