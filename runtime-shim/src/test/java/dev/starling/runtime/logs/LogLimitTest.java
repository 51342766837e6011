package dev.starling.runtime.logs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What logs may write to a node's disk in an hour, and what their readers are told when it is used up. */
class LogLimitTest {
    private static final long AN_HOUR = 400_000;
    private static final LogOptions LARGE = new LogOptions(10_000_000, 2);

    @TempDir
    Path directory;
    private Instant now = Instant.parse("2024-05-01T10:00:00.123456789Z");
    private NodeLogLimit limit;

    @BeforeEach
    void open() {
        limit = new NodeLogLimit(AN_HOUR, () -> now);
    }

    private LogSink log(String name) throws IOException {
        return limit.limited(new JsonFileLog(directory.resolve(name), LARGE), LARGE);
    }

    private void say(LogSink log, String text) throws IOException {
        log.append("stdout", now, text + "\n");
        log.flush();
    }

    /** Of 1,000 bytes each, in the file. */
    private void sayThousands(LogSink log, int count) throws IOException {
        for (int i = 0; i < count; i++) {
            say(log, String.format("%05d", i) + "x".repeat(925 - 1));
        }
    }

    private List<String> texts(String name) throws IOException {
        List<String> texts = new ArrayList<>();
        for (String line : Files.readAllLines(directory.resolve(name))) {
            texts.add(new ObjectMapper().readTree(line).get("log").asText().strip());
        }
        return texts;
    }

    @Test
    void oneContainerGetsAQuarterAndIsToldWhatIsMissing() throws Exception {
        LogSink log = log("noisy");
        sayThousands(log, 150);
        List<String> said = texts("noisy");
        assertEquals(100, said.size() - 1, 1, "a quarter of " + AN_HOUR);
        assertEquals("[starling] lines are dropped from here on: this container has logged 100000 bytes within an hour (logs.bytes-per-hour)",
                said.get(said.size() - 1));
        long dropped = 150 - (said.size() - 1);
        assertEquals(dropped, log.dropped());
        now = now.plus(Duration.ofMinutes(5));
        say(log, "too soon");
        now = now.plus(Duration.ofMinutes(2));
        say(log, "a tenth has come back");
        log.close();
        said = texts("noisy");
        assertEquals(List.of("[starling] " + (dropped + 1) + " lines dropped", "a tenth has come back"), said.subList(said.size() - 2, said.size()));
    }

    @Test
    void aQuietOneIsHeardBesideThreeNoisyOnes() throws Exception {
        for (String name : List.of("a", "b", "c")) {
            sayThousands(log(name), 200);
        }
        LogSink quiet = log("quiet");
        say(quiet, "hello");
        assertEquals(List.of("hello"), texts("quiet"));
        assertEquals(0, quiet.dropped());
    }

    @Test
    void containersStartedAnewShareTheNodesPart() throws Exception {
        for (int i = 0; i < 8; i++) {
            sayThousands(log("try-" + i), 90);
        }
        long bytes = 0;
        for (int i = 0; i < 8; i++) {
            bytes += Files.size(directory.resolve("try-" + i));
        }
        assertTrue(bytes <= AN_HOUR + 8 * 300, bytes + " bytes");
        assertTrue(texts("try-7").get(0).contains("the containers of this node have logged 400000 bytes"), texts("try-7").toString());
    }

    /** Also with text that takes more room in the file than it seems to. */
    @Test
    void aDayOfNoiseStaysBelowTheLimit() throws Exception {
        Random random = new Random(7);
        LogSink log = log("day");
        int hours = 24;
        for (int minute = 0; minute < hours * 60; minute++) {
            for (int i = 0; i < 20; i++) {
                say(log, "ä\"\u0001".repeat(random.nextInt(60)));
            }
            now = now.plus(Duration.ofMinutes(1));
        }
        log.close();
        long bytes = Files.size(directory.resolve("day"));
        long most = AN_HOUR / NodeLogLimit.MOST_ONE_IN * (hours + 1);
        assertTrue(bytes <= most, bytes + " bytes");
        assertTrue(bytes > most * 8 / 10, "and not far below: " + bytes);
    }

    @Test
    void aClockSetBackGrantsNothing() throws Exception {
        LogSink log = log("clock");
        sayThousands(log, 150);
        long before = log.dropped();
        now = now.minus(Duration.ofDays(1));
        say(log, "yesterday");
        assertEquals(before + 1, log.dropped());
        now = now.plus(Duration.ofHours(2));
        say(log, "later");
        assertEquals(before + 1, log.dropped());
        log.close();
    }

    @Test
    void theEndTellsTheGap() throws Exception {
        LogSink log = log("end");
        sayThousands(log, 150);
        log.close();
        List<String> said = texts("end");
        assertEquals("[starling] " + log.dropped() + " lines dropped", said.get(said.size() - 1));
    }
}
