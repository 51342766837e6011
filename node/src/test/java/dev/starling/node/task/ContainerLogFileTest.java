package dev.starling.node.task;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.node.api.TaskLogs;
import dev.starling.runtime.logs.JsonFileLog;
import dev.starling.runtime.logs.LogOptions;
import dev.starling.runtime.logs.LogSegments;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ContainerLogFileTest {
    private static final int ENOUGH = 1 << 20;

    @TempDir
    Path directory;
    private Path file;

    @BeforeEach
    void name() {
        file = directory.resolve("container.log");
    }

    private static String line(String text, String stream) {
        return "{\"log\":\"" + text + "\\n\",\"stream\":\"" + stream + "\",\"time\":\"2026-11-22T11:56:52.5Z\"}\n";
    }

    private void append(String text) throws IOException {
        Files.writeString(file, text, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }

    private void appendLines(int from, int to) throws IOException {
        for (int i = from; i <= to; i++) {
            append(line("line " + i, "stdout"));
        }
    }

    private TaskLogs.Chunk read(long position, int tail) throws IOException {
        return ContainerLogFile.read(file, position, tail, ENOUGH, false);
    }

    private static List<String> texts(TaskLogs.Chunk chunk) {
        return chunk.lines().stream().map(line -> new String(line.content(), StandardCharsets.UTF_8).strip()).toList();
    }

    @Test
    void linesKeepTheirStreamTimeAndEnd() throws IOException {
        append(line("out", "stdout") + line("err", "stderr"));
        TaskLogs.Chunk chunk = read(0, -1);
        assertEquals(List.of(1, 2), chunk.lines().stream().map(TaskLogs.Line::stream).toList());
        assertEquals("out\n", new String(chunk.lines().get(0).content(), StandardCharsets.UTF_8));
        assertEquals("2026-11-22T11:56:52.500Z", chunk.lines().get(0).time().toString());
        assertFalse(chunk.ended());
    }

    @Test
    void readingGoesOnWhereItStopped() throws IOException {
        appendLines(1, 2);
        TaskLogs.Chunk first = read(0, -1);
        assertEquals(List.of(), texts(read(first.next(), -1)));
        appendLines(3, 3);
        assertEquals(List.of("line 3"), texts(read(first.next(), -1)));
    }

    @Test
    void theTailBeginsAtTheLastLines() throws IOException {
        appendLines(1, 5);
        assertEquals(List.of("line 4", "line 5"), texts(read(0, 2)));
        assertEquals(List.of("line 5"), texts(read(0, 1)));
        assertEquals(List.of(), texts(read(0, 0)));
        assertEquals(5, texts(read(0, 5)).size());
        assertEquals(5, texts(read(0, 99)).size(), "more than there are: all");
    }

    @Test
    void theTailOfALargeFileIsFoundAcrossItsBlocks() throws IOException {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 3_000; i++) {
            text.append(line("line " + i, "stdout"));
        }
        append(text.toString());
        List<String> tail = texts(read(0, 2_500));
        assertEquals(2_500, tail.size());
        assertEquals("line 500", tail.get(0));
        assertEquals("line 2999", tail.get(2_499));
    }

    /** What a power cut leaves in the middle of a file, and what a writer has not finished yet at its end. */
    @Test
    void aTornLineIsLeftOutAndAnUnfinishedOneIsWaitedFor() throws IOException {
        append("{\"log\":\"torn" + "\n" + line("whole", "stdout") + "{\"log\":\"to come");
        TaskLogs.Chunk chunk = read(0, -1);
        assertEquals(List.of("whole"), texts(chunk));
        append("\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-22T11:56:53Z\"}\n");
        assertEquals(List.of("to come"), texts(read(chunk.next(), -1)));
    }

    @Test
    void afterARotationReadingGoesOnInTheNewFile() throws IOException {
        appendLines(1, 9);
        long position = read(0, -1).next();
        Files.delete(file);
        appendLines(10, 10);
        assertEquals(List.of("line 10"), texts(read(position, -1)));
    }

    /** A writer that rotates each ten lines or so, a follower that reads now and then, and a power cut in the middle of a rotation. */
    @Test
    void aFollowerMissesNothingThatIsStillThere() throws IOException {
        List<String> followed = new ArrayList<>();
        List<String> written = new ArrayList<>();
        long position = 0;
        for (int round = 0; round < 20; round++) {
            try (JsonFileLog log = new JsonFileLog(file, new LogOptions(1000, 4))) {
                for (int i = 0; i < 17; i++) {
                    written.add("round " + round + " line " + i);
                    log.append("stdout", java.time.Instant.EPOCH, "round " + round + " line " + i + "\n");
                    log.flush();
                    if (i % 5 == 0) {
                        TaskLogs.Chunk chunk = read(position, -1);
                        followed.addAll(texts(chunk));
                        position = chunk.next();
                    }
                }
            }
            if (round == 10) {
                Files.writeString(directory.resolve("container.log.position"), "rotating " + position(file));
            }
        }
        for (TaskLogs.Chunk chunk = read(position, -1); !chunk.lines().isEmpty(); chunk = read(chunk.next(), -1)) {
            followed.addAll(texts(chunk));
        }
        assertEquals(written, followed);
        List<String> tail = new ArrayList<>();
        TaskLogs.Chunk chunk = read(0, 25);
        for (; !chunk.lines().isEmpty(); chunk = read(chunk.next(), -1)) {
            tail.addAll(texts(chunk));
        }
        assertEquals(written.subList(written.size() - 25, written.size()), tail, "a tail reaches into rotated files");
    }

    private static long position(Path file) throws IOException {
        return LogSegments.of(file).newest().end();
    }

    @Test
    void piecesAreBoundedAndMissNothing() throws IOException {
        appendLines(1, 40);
        List<String> all = new ArrayList<>();
        long position = 0;
        for (TaskLogs.Chunk chunk = null; chunk == null || !chunk.ended(); position = chunk.next()) {
            chunk = ContainerLogFile.read(file, position, -1, 300, true);
            assertTrue(chunk.lines().size() <= 4);
            all.addAll(texts(chunk));
        }
        assertEquals(40, all.size());
    }

    @Test
    void aLineAboveTheBoundIsSkippedRatherThanReadForEver() throws IOException {
        append(line("x".repeat(2_000), "stdout") + line("after", "stdout"));
        List<String> all = new ArrayList<>();
        long position = 0;
        for (int i = 0; i < 20; i++) {
            TaskLogs.Chunk chunk = ContainerLogFile.read(file, position, -1, 300, false);
            all.addAll(texts(chunk));
            position = chunk.next();
        }
        assertEquals(List.of("after"), all);
    }

    @Test
    void aFileThatIsNotThereIsEmpty() throws IOException {
        assertEquals(new TaskLogs.Chunk(List.of(), 0, false), read(0, 10));
        assertTrue(ContainerLogFile.read(file, 0, 10, ENOUGH, true).ended());
    }

    /** A container that died while its last line was half written: its log has an end all the same. */
    @Test
    void anUnfinishedLastLineOfAnEndedContainerDoesNotKeepTheReaderWaiting() throws IOException {
        append(line("whole", "stdout") + "{\"log\":\"half");
        TaskLogs.Chunk chunk = ContainerLogFile.read(file, 0, -1, ENOUGH, true);
        assertEquals(List.of("whole"), texts(chunk));
        assertTrue(ContainerLogFile.read(file, chunk.next(), -1, ENOUGH, true).ended());
    }

    @Test
    void noLineIsTooLongToBeReadAtOnce() throws IOException {
        String binary = "\u0001".repeat(16 << 10); // the longest that is written as one, and each byte of it as six
        try (JsonFileLog log = new JsonFileLog(file, LogOptions.DEFAULT)) {
            log.append("stdout", Instant.EPOCH, binary);
            log.append("stdout", Instant.EPOCH, "behind it\n");
        }
        TaskLogs.Chunk chunk = ContainerLogFile.read(file, 0, -1, TaskLogs.CHUNK_BYTES, true);
        assertEquals(List.of(binary, "behind it\n"), chunk.lines().stream().map(line -> new String(line.content(), StandardCharsets.UTF_8)).toList());
    }
}
