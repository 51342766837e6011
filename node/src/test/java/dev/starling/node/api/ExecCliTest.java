package dev.starling.node.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** {@code docker exec} of the stock CLI: connections that become streams. */
final class ExecCliTest extends WithDockerCli {
    private static final String ID = "ab".repeat(32);

    @BeforeEach
    void addContainer() {
        api.runtime.add(ID, "web.1.x", Map.of(), List.of("sleep"));
    }

    @Test
    void outputIsApartAndTheExitCodeIsTheCommands() throws Exception {
        DockerCli.Result result = docker.run("exec", "web.1.x", "say", "hello", "5");
        assertEquals("hello\n", result.out());
        assertEquals("error\n", result.err());
        assertEquals(5, result.exitCode());
    }

    @Test
    void allOfTheInputComesBackAfterItsEnd() throws Exception {
        String input = "line\n".repeat(100_000);
        DockerCli.Result result = docker.runWith(input, "exec", "-i", ID.substring(0, 12), "cat");
        assertEquals(0, result.exitCode(), result.err());
        assertEquals(input + "<end>", result.out());
    }

    /** Closed with that unread, the connection would be reset, and the exit code never asked for. */
    @Test
    void inputThatNobodyReadsDoesNotHideTheExitCode() throws Exception {
        DockerCli.Result result = docker.runWith("line\n".repeat(200_000), "exec", "-i", ID.substring(0, 12), "leave", "6");
        assertEquals("", result.err());
        assertEquals(6, result.exitCode());
    }

    @Test
    void muchOutputComesWhole() throws Exception {
        DockerCli.Result result = docker.run("exec", "web.1.x", "flood", "20000");
        assertEquals(0, result.exitCode());
        assertEquals(20_000 * 1024, result.out().length());
    }

    /** Without -i the CLI ends its side at once. */
    @Test
    void muchOutputLongAfterTheInputsEndComesWhole() throws Exception {
        assertTrue(LostEpollInterest.isKnown(), "this version of Netty is another one: does it need that still?");
        DockerCli.Result result = docker.run("exec", "web.1.x", "late", "20000");
        assertEquals(0, result.exitCode());
        assertEquals(20_000 * 1024, result.out().length());
    }

    @Test
    void optionsArriveAndADetachedOneReturnsAtOnce() throws Exception {
        DockerCli.Result result = docker.run("exec", "-d", "-u", "app", "-w", "/srv", "-e", "A=1", "web.1.x", "say", "x", "0");
        assertEquals(0, result.exitCode(), result.err());
        assertEquals("exec " + ID + " ExecSpec[command=[say, x, 0], env=[A=1], user=app, workingDirectory=/srv, tty=false, input=false, rows=0,"
                + " columns=0]", api.runtime.calls.get(0));
    }

    @Test
    void whatCannotBeRunIsTold() throws Exception {
        DockerCli.Result missing = docker.run("exec", "web.1.x", "nosuch");
        assertEquals(127, missing.exitCode());
        assertTrue(missing.out().contains("executable file not found"), missing.out() + missing.err());
        DockerCli.Result privileged = docker.run("exec", "--privileged", "web.1.x", "cat");
        assertTrue(privileged.err().contains("--privileged"), privileged.err());
    }

    @Test
    void pauseAndUnpause() throws Exception {
        docker.run("pause", "web.1.x").ok();
        docker.run("unpause", "web.1.x").ok();
        assertEquals(List.of("pause " + ID, "unpause " + ID), api.runtime.calls);
    }
}
