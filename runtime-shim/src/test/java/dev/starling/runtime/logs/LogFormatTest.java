package dev.starling.runtime.logs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.starling.runtime.ContainerSpec.Logging;
import dev.starling.runtime.RuntimeShimException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LogFormatTest {
    private static LogOptions parse(String driver, Map<String, String> options) {
        return LogOptions.parse(new Logging(driver, options));
    }

    @ParameterizedTest
    @CsvSource({"10m, 10000000", "512k, 512000", "1g, 1000000000", "77, 77", "5MB, 5000000"})
    void sizesAreDecimal(String text, long bytes) {
        assertEquals(bytes, parse("json-file", Map.of("max-size", text)).maxBytes());
    }

    @Test
    void nonBlockingHasABuffer() {
        assertEquals(LogOptions.DEFAULT, parse("", Map.of("mode", "blocking")));
        assertEquals(LogOptions.WhenFull.WAIT, LogOptions.DEFAULT.whenFull());
        LogOptions nonBlocking = parse("", Map.of("mode", "non-blocking"));
        assertEquals(new LogOptions(10_000_000, 3, 1 << 20, LogOptions.WhenFull.DROP), nonBlocking, "Docker's defaults");
        assertEquals(4 << 20, parse("local", Map.of("mode", "non-blocking", "max-buffer-size", "4m")).bufferBytes(), "binary, as Docker reads memory");
    }

    @ParameterizedTest
    @CsvSource({
        "max-buffer-size=1m, only supported with mode=non-blocking",
        "mode=blocking max-buffer-size=1m, only supported with mode=non-blocking",
        "mode=sometimes, logging mode not supported: sometimes",
        "mode=non-blocking max-buffer-size=0, invalid value for log opt max-buffer-size",
        "mode=non-blocking max-buffer-size=17m, at most 16m",
    })
    void otherBuffersAreRefused(String options, String complaint) {
        Map<String, String> given = Arrays.stream(options.split(" ")).map(option -> option.split("="))
                .collect(Collectors.toMap(pair -> pair[0], pair -> pair[1]));
        String message = assertThrows(RuntimeShimException.class, () -> parse("json-file", given)).getMessage();
        assertTrue(message.contains(complaint), message);
    }

    @ParameterizedTest
    @CsvSource({"max-size, -1", "max-size, many", "max-size, 99999999999g", "max-file, 0", "max-file, x", "compress-me, true"})
    void otherOptionsAreRefused(String name, String value) {
        assertThrows(RuntimeShimException.class, () -> parse("json-file", Map.of(name, value)));
    }

    @Property(tries = 200)
    void cuttingLosesNothing(@ForAll String text, @ForAll @IntRange(min = 1, max = 50) int step, @ForAll @IntRange(max = 3) int repeats) {
        byte[] bytes = (text + "\n").repeat(1 + repeats * 500).getBytes(StandardCharsets.UTF_8);
        assertEquals(new String(bytes, StandardCharsets.UTF_8), String.join("", entries(bytes, step)));
    }

    private static List<String> entries(byte[] bytes, int step) {
        LineSplitter splitter = new LineSplitter("stdout");
        List<String> entries = new ArrayList<>();
        for (int from = 0; from < bytes.length; from += step) {
            int count = Math.min(step, bytes.length - from);
            byte[] read = new byte[splitter.pendingBytes() + count];
            System.arraycopy(bytes, from, read, splitter.pendingBytes(), count);
            addTo(entries, splitter.accept(Instant.EPOCH, read));
        }
        addTo(entries, splitter.end(Instant.EPOCH));
        return entries;
    }

    private static void addTo(List<String> entries, Lines lines) {
        for (int i = 0; i < lines.count(); i++) {
            entries.add(lines.text(i));
        }
    }

    @Test
    void longLinesAreCutBetweenCharacters() {
        byte[] bytes = ("x" + "ä".repeat(20_000)).getBytes(StandardCharsets.UTF_8);
        List<String> entries = entries(bytes, bytes.length);
        assertEquals(entries, entries(bytes, 7), "however it is read");
        assertEquals("x" + "ä".repeat(20_000), String.join("", entries));
        assertEquals(3, entries.size());
        for (String entry : entries) {
            assertTrue(entry.getBytes(StandardCharsets.UTF_8).length <= LineSplitter.MAX_ENTRY_BYTES + 4);
        }
    }

    @Test
    void rotationKeepsTheNewest(@TempDir Path directory) throws Exception {
        Path file = directory.resolve("log");
        try (JsonFileLog log = new JsonFileLog(file, new LogOptions(200, 3))) {
            for (int i = 0; i < 30; i++) {
                log.append("stdout", Instant.EPOCH, "line " + i + "\n");
                log.flush();
            }
        }
        List<String> lines = new ArrayList<>();
        for (String name : List.of("log.2", "log.1", "log")) {
            assertTrue(Files.size(directory.resolve(name)) <= 200);
            for (String line : Files.readAllLines(directory.resolve(name))) {
                lines.add(new ObjectMapper().readTree(line).get("log").asText().trim());
            }
        }
        for (int i = 0; i < lines.size(); i++) {
            assertEquals("line " + (30 - lines.size() + i), lines.get(i));
        }
        try (var files = Files.list(directory)) {
            assertEquals(List.of("log", "log.1", "log.2", "log.position"), files.map(each -> each.getFileName().toString()).sorted().toList());
        }
    }

    /** A device that is always full takes the place of the file. */
    @Test
    void linesThatAFullDiskRefusesDoNotRotateAwayThoseItHas(@TempDir Path directory) throws Exception {
        Path file = directory.resolve("log");
        Files.createSymbolicLink(file, Path.of("/dev/full"));
        Files.writeString(directory.resolve("log.1"), "what it has\n");
        JsonFileLog log = new JsonFileLog(file, new LogOptions(1_000, 2));
        for (int i = 0; i < 50; i++) {
            log.append("stdout", Instant.EPOCH, "x".repeat(100));
            assertThrows(IOException.class, log::flush);
        }
        log.close();
        assertEquals("what it has\n", Files.readString(directory.resolve("log.1")));
        assertEquals(0, log.written());
        Files.delete(file);
    }
}
