package dev.starling.runtime.supervision;

import static dev.starling.runtime.supervision.SpecBuilder.script;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.starling.runtime.Container;
import dev.starling.runtime.ContainerRuntime.NetworkSetup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** What containers write, from their side to the file. */
@ParameterizedClass
@EnumSource(value = Implementation.class, names = "NATIVE")
class ContainerLogTest extends LabForAllTests {
    @Test
    void bothStreamsAreKeptWithTimes() {
        Instant before = Instant.now();
        SpecBuilder spec = script("echo 'out \"quoted\" \\ <b>'; echo error >&2; printf 'no end'");
        lab.runtime.start(spec.build(), NetworkSetup.NONE);
        Lab.await(() -> lab.runtime.inspect(spec.id).state() == Container.State.EXITED, "it ends");
        List<JsonNode> entries = Lab.entries(lab.runtime.logFile(spec.id));
        Lab.Outcome outcome = lab.finish(spec.id);
        assertEquals("out \"quoted\" \\ <b>\nno end", outcome.output());
        assertEquals("error\n", outcome.errors());
        assertEquals(3, entries.size());
        for (JsonNode entry : entries) {
            assertFalse(Instant.parse(entry.get("time").asText()).isBefore(before), entry.toString());
        }
    }

    @Test
    void nothingOfALongOutputIsLost() {
        int lines = 20_000;
        String output = lab.run(script("seq 1 " + lines)).output();
        String[] read = output.split("\n");
        assertEquals(lines, read.length);
        for (int i = 0; i < lines; i++) {
            assertEquals(Integer.toString(i + 1), read[i]);
        }
    }

    /** With a buffer that holds some lines only: how many are dropped is up to the machine, but none goes untold. */
    @Test
    void aBufferedLogHasEachLineOrTellsThatItHasNot() {
        int lines = 20_000;
        SpecBuilder spec = script("seq 1 " + lines).with(s -> s.logOptions = Map.of("mode", "non-blocking", "max-buffer-size", "16k"));
        lab.runtime.start(spec.build(), NetworkSetup.NONE);
        Lab.await(() -> lab.runtime.inspect(spec.id).state() == Container.State.EXITED, "it ends");
        int told = 0;
        for (JsonNode entry : Lab.entries(lab.runtime.logFile(spec.id))) {
            String text = entry.get("log").asText().trim();
            if (entry.get("stream").asText().equals("stdout")) {
                assertEquals(++told, Integer.parseInt(text));
            } else {
                assertTrue(text.startsWith("[starling] "), text);
                told += Integer.parseInt(text.split(" ")[1]);
            }
        }
        assertEquals(lines, told);
        lab.runtime.remove(spec.id);
    }

    @Test
    void logIsRotatedBySize() throws Exception {
        SpecBuilder spec = script("seq 1 3000; sleep 0.1; seq 3001 6000; sleep 0.1; seq 6001 9000; sleep 0.1; seq 9001 12000; sleep 0.1; echo last")
                .with(s -> s.logOptions = Map.of("max-size", "200k", "max-file", "2"));
        lab.runtime.start(spec.build(), NetworkSetup.NONE);
        Lab.await(() -> lab.runtime.inspect(spec.id).state() == Container.State.EXITED, "it ends");
        Path file = lab.runtime.logFile(spec.id);
        Path older = file.resolveSibling(file.getFileName() + ".1");
        assertTrue(Files.exists(older));
        assertFalse(Files.exists(file.resolveSibling(file.getFileName() + ".2")), "two files at most");
        List<JsonNode> entries = Lab.entries(file);
        assertEquals("last\n", entries.get(entries.size() - 1).get("log").asText());
        int lastOfOlder = lastNumber(Lab.entries(older));
        assertEquals(lastOfOlder + 1, Integer.parseInt(entries.get(0).get("log").asText().trim().replace("last", Integer.toString(lastOfOlder + 1))), "the newer goes on where the older ends");
        lab.runtime.remove(spec.id);
    }

    private static int lastNumber(List<JsonNode> entries) {
        return Integer.parseInt(entries.get(entries.size() - 1).get("log").asText().trim());
    }
}
