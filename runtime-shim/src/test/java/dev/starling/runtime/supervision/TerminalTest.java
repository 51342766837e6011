package dev.starling.runtime.supervision;

import static dev.starling.runtime.supervision.SpecBuilder.run;
import static dev.starling.runtime.supervision.SpecBuilder.script;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.runtime.ContainerRuntime.NetworkSetup;
import dev.starling.runtime.ExecProcess;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Kernel;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** Containers whose first process has a terminal: it is theirs alone, and outlives any agent. */
@ParameterizedClass
@EnumSource(value = Implementation.class, mode = EnumSource.Mode.EXCLUDE, names = "CRUN_MAPPED")
class TerminalTest extends LabForEachTest {
    /** Tells of a hang-up, and answers lines with the size. */
    private static final String ANSWERING = "trap 'echo hung up' HUP; echo ready; while read line; do test \"$line\" = end && exit 9; echo $line at $(busybox stty size); done";

    private static final int SIGUSR1 = 10;

    private static SpecBuilder withTerminal(SpecBuilder spec) {
        return spec.with(s -> {
            s.tty = true;
            s.openStdin = true;
        });
    }

    /** What somebody who is attached sees. */
    private static final class Screen implements ExecProcess.Output {
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

        @Override
        public synchronized boolean accept(int stream, byte[] piece) {
            assertEquals(1, stream);
            bytes.writeBytes(piece);
            return true;
        }

        synchronized String text() {
            return bytes.toString(StandardCharsets.UTF_8);
        }

        void await(String text) {
            Lab.await(() -> text().contains(text), () -> "the screen shows " + text + ", but: " + text());
        }
    }

    private static void type(ExecProcess attached, String text) throws Exception {
        attached.write(text.getBytes(StandardCharsets.UTF_8)).toCompletableFuture().get(90, TimeUnit.SECONDS);
    }

    @Test
    void itIsTheControllingOneOnAllStreamsAndTheLogHasItsLines() {
        Lab.Outcome outcome = lab.run(withTerminal(script("test -t 0 && test -t 1 && test -t 2 && echo mine > /dev/tty; echo error >&2; echo $TERM; "
                + "echo told > /dev/console; cat /dev/null; exit 5")).with(s -> s.user = "alice"));
        assertEquals("mine\r\nerror\r\nxterm\r\ntold\r\n", outcome.output());
        assertEquals("", outcome.errors());
        assertEquals(5, outcome.exitCode());
        assertNothingIsLeft();
    }

    private void assertNothingIsLeft() {
        Lab.await(() -> lab.children().isEmpty() && lab.controlGroups().isEmpty(), () -> "no process and no group is left: " + lab.children() + lab.controlGroups());
    }

    @Test
    void allThatIsWrittenBeforeTheEndIsInTheLog() {
        StringBuilder expected = new StringBuilder();
        for (int i = 1; i <= 20_000; i++) {
            expected.append(i).append("\r\n");
        }
        assertEquals(expected.toString(), lab.run(withTerminal(run("seq", "1", "20000"))).output());
    }

    @Test
    void whoIsAttachedTypesSeesAndSetsTheSize() throws Exception {
        SpecBuilder spec = withTerminal(script(ANSWERING));
        lab.runtime.start(spec.build(), NetworkSetup.NONE);
        Lab.await(() -> lab.output(spec.id, "stdout").equals("ready\r\n"), "it is ready");
        Screen screen = new Screen();
        ExecProcess attached = lab.runtime.attach(spec.id, screen);
        lab.runtime.resize(spec.id, 31, 91);
        type(attached, "one\n");
        screen.await("one at 31 91");
        attached.resize(32, 92);
        type(attached, "two\n");
        screen.await("two at 32 92");
        assertEquals(1, lab.runtime.processes(spec.id).stream().filter(pid -> pid == lab.runtime.inspect(spec.id).pid()).count());
        for (int pid : lab.runtime.processes(spec.id)) {
            assertFalse(Kernel.load().read("/proc/" + pid + "/cmdline").contains("2000000000"), "the keeper is no process of it");
        }
        attached.detach();
        assertEquals(OptionalInt.empty(), attached.exit().toCompletableFuture().get(90, TimeUnit.SECONDS));

        Screen second = new Screen();
        ExecProcess again = lab.runtime.attach(spec.id, second);
        type(again, "end\n");
        assertEquals(OptionalInt.empty(), again.exit().toCompletableFuture().get(90, TimeUnit.SECONDS));
        Lab.Outcome outcome = lab.finish(spec.id);
        assertEquals(9, outcome.exitCode());
        assertEquals("ready\r\none\r\none at 31 91\r\ntwo\r\ntwo at 32 92\r\nend\r\n", outcome.output());
        assertNothingIsLeft();
    }

    @Test
    void withoutOpenInputNobodyTypes() throws Exception {
        SpecBuilder spec = run("sleep", "1000").with(s -> s.tty = true);
        lab.runtime.start(spec.build(), NetworkSetup.NONE);
        ExecProcess attached = lab.runtime.attach(spec.id, new Screen());
        assertTrue(attached.write(new byte[] {'x'}).handle((done, failure) -> failure != null).toCompletableFuture().get(90, TimeUnit.SECONDS));
        lab.runtime.stop(spec.id, Duration.ZERO);
        assertEquals(137, lab.finish(spec.id).exitCode());
    }

    @Test
    void aRefusedStartLeavesNothing() {
        for (SpecBuilder spec : List.of(withTerminal(run("/no/such")), withTerminal(run("true")))) {
            try {
                lab.runtime.start(spec.build(), spec.args.contains("true") ? (id, netns) -> {
                    throw new IllegalStateException("no network");
                } : NetworkSetup.NONE);
                throw new AssertionError("it was started");
            } catch (RuntimeShimException | IllegalStateException expected) {
                assertNothingIsLeft();
            }
        }
    }

    @Test
    void itOutlivesAnAgentThatIsKilledAndOneThatCloses() throws Exception {
        String id = run().id;
        lab.runtime.close();
        Process agent = AgentProcess.start(lab, id, ANSWERING, false, true);
        try {
            String word = new BufferedReader(new InputStreamReader(agent.getInputStream(), StandardCharsets.UTF_8)).readLine();
            assertTrue(word != null && word.startsWith("started "), word);
        } finally {
            agent.destroyForcibly().waitFor();
        }
        lab.runtime = lab.openRuntime();
        ask(id, "first");
        lab.runtime.close();
        lab.runtime = lab.openRuntime();
        Screen screen = ask(id, "second");
        type(lab.runtime.attach(id, screen), "end\n");
        Lab.Outcome outcome = lab.finish(id);
        assertTrue(outcome.output().contains("first at") && outcome.output().contains("second at"), outcome.output());
        assertFalse(outcome.output().contains("hung up"), outcome.output());
        assertTrue(outcome.container().exitCode().equals(OptionalInt.of(9)) || outcome.container().exitCode().isEmpty(), outcome.container().toString());
        Lab.await(() -> lab.controlGroups().isEmpty(), "the keeper is gone");
        assertFalse(Files.exists(Path.of("/proc/" + outcome.container().pid() + "/cwd")) && outcome.container().pid() != 0);
    }

    private Screen ask(String id, String word) throws Exception {
        Screen screen = new Screen();
        ExecProcess attached = lab.runtime.attach(id, screen);
        lab.runtime.resize(id, 40, 120);
        type(attached, word + "\n");
        screen.await(word + " at 40 120");
        assertFalse(screen.text().contains("hung up"), screen.text());
        return screen;
    }

    @Test
    void whatIsWrittenAndTheEndWhileNoAgentRunsAreFoundByTheNext() throws Exception {
        SpecBuilder spec = withTerminal(script("trap 'echo after; exit 3' USR1; echo before; while :; do sleep 0.02; done"));
        int pid = lab.runtime.start(spec.build(), NetworkSetup.NONE).pid();
        Lab.await(() -> lab.output(spec.id, "stdout").contains("before"), "it runs");
        lab.runtime.close();
        Kernel kernel = Kernel.load();
        try (Descriptor process = kernel.openProcess(pid)) {
            kernel.signal(process, SIGUSR1);
        }
        Lab.await(() -> hasEnded(pid), "it ends");
        lab.runtime = lab.openRuntime();
        Lab.Outcome outcome = lab.finish(spec.id);
        assertEquals("before\r\nafter\r\n", outcome.output());
        Lab.await(() -> lab.controlGroups().isEmpty(), "the keeper is gone");
    }

    private static boolean hasEnded(int pid) {
        try {
            String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
            return stat.charAt(stat.lastIndexOf(')') + 2) == 'Z';
        } catch (java.io.IOException e) {
            return true;
        }
    }
}
