package dev.starling.node.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.starling.node.cli.StarlingCommand;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/** {@code starling explain}, {@code plan} and {@code whatif}, from the command to the socket and back. */
class StarlingRoutesTest {
    private ApiFixture api;
    private HttpClient http;

    @BeforeEach
    void start() throws Exception {
        api = new ApiFixture();
        http = api.http();
        http.post("/services/create", """
                {"Name": "web", "TaskTemplate": {"ContainerSpec": {"Image": "busybox"}}, "Mode": {"Replicated": {"Replicas": 3}}}""");
        for (int i = 0; i < 5; i++) {
            api.cluster.snapshot();
        }
    }

    @AfterEach
    void stop() throws Exception {
        api.close();
    }

    private record Printed(int exit, String out, String err) {}

    private Printed starling(String... arguments) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        PrintStream oldOut = System.out;
        PrintStream oldErr = System.err;
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
        try {
            int exit = new CommandLine(new StarlingCommand()).execute(arguments);
            return new Printed(exit, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
        } finally {
            System.setOut(oldOut);
            System.setErr(oldErr);
        }
    }

    private String socket() {
        return "--socket=" + api.socket;
    }

    @Test
    void explainSaysWhoHasASlotAndWhatTheOthersBid() throws Exception {
        JsonNode answer = http.get("/starling/explain/web.1").json();
        assertEquals(3, answer.path("Nodes").size());
        assertEquals("has it", answer.path("Nodes").get(1).path("Verdict").asText());
        Printed printed = starling("explain", socket(), "web.1");
        assertEquals(0, printed.exit(), printed.err());
        assertTrue(printed.out().matches("(?s)web\\.1\nNODE +VERDICT +WHY\n.*n1 +bids +can take it, price \\d+\n.*"), printed.out());
        assertTrue(printed.out().matches("(?s).*n2 +has it +has it: running.*"), printed.out());
        assertTrue(starling("explain", socket(), api.cluster.tasks().get(0).id()).out().startsWith("web.1\n"), "by the task's id");
    }

    @Test
    void explainNamesWhatItDoesNotFind() {
        assertEquals("starling: service shop not found\n", starling("explain", socket(), "shop.1").err());
        assertTrue(starling("explain", socket(), "web.first").err().contains("'first' is no slot of service web: they are numbered from 1"));
        assertTrue(starling("explain", socket(), "nosuch").err().contains("task nosuch not found"));
        Printed nobody = starling("explain", "--socket=/nonexistent.sock", "web.1");
        assertEquals(1, nobody.exit());
        assertTrue(nobody.err().contains("no agent answers at /nonexistent.sock"), nobody.err());
    }

    @Test
    void whatIfANodeIsDownItsTasksGoElsewhere() {
        Printed printed = starling("whatif", socket(), "--down", "n2");
        assertTrue(printed.out().matches("(?s)SLOT +NOW +THEN +WHY\nweb\\.1 +n2 +n[13]\n2 stay, 1 move, 0 new, 0 end, 0 without a node\n"), printed.out());
        printed = starling("whatif", socket(), "--down", "n1", "--down", "n2", "--drain", "n3");
        assertTrue(printed.out().contains("no suitable node: 2 down, 1 drained"), printed.out());
        assertTrue(starling("whatif", socket(), "--down", "n9").err().contains("node n9 not found"));
        assertTrue(starling("whatif", socket()).err().contains("name at least one node"));
        assertEquals(3, api.cluster.tasks().size(), "nothing was done");
    }

    @Test
    void aPlanSaysWhereTheServicesOfAFileWouldRun() throws Exception {
        Path file = Files.writeString(api.directory.resolve("compose.yml"), """
                services:
                  api:
                    image: busybox
                    deploy: {replicas: 3, resources: {reservations: {memory: 5G}}}
                  huge:
                    image: busybox
                    deploy: {resources: {reservations: {cpus: "64"}}}
                """);
        Printed printed = starling("plan", socket(), "--stack", "shop", file.toString());
        assertEquals(0, printed.exit(), printed.err());
        assertTrue(printed.out().matches("(?s)SLOT.*shop_api\\.1 +- +n\\d\nshop_api\\.2 +- +n\\d\nshop_api\\.3 +- +n\\d\nshop_huge\\.1 +- +- +no suitable node: "
                + "3 lack CPU\n0 stay, 0 move, 3 new, 0 end, 1 without a node\n"), printed.out());
        assertEquals(1, http.get("/services").json().size(), "nothing was made");
        Path inspected = Files.writeString(api.directory.resolve("web.json"), http.get("/services").text().replace("\"Replicas\":3", "\"Replicas\":4"));
        printed = starling("plan", socket(), inspected.toString());
        assertTrue(printed.out().contains("3 stay, 0 move, 1 new, 0 end, 0 without a node"), printed.out() + printed.err());
    }

    @Test
    void aFileThatCannotBePlannedIsNamed() throws Exception {
        assertTrue(starling("plan", socket(), "/nonexistent.yml").err().contains("/nonexistent.yml: cannot be read: no such file"));
        Path file = Files.writeString(api.directory.resolve("bad.yml"), "services:\n  a: {image: x\n");
        assertTrue(starling("plan", socket(), file.toString()).err().contains("bad.yml:"), "with its line");
        Files.writeString(file, "just text");
        assertTrue(starling("plan", socket(), file.toString()).err().contains("neither a compose file nor a service spec"));
        Files.writeString(file, "services: {a: {image: x, deploy: {placement: {constraints: [\"a b==c\"]}}}}");
        assertTrue(starling("plan", socket(), file.toString()).err().contains("key 'a b' is invalid"));
    }
}
