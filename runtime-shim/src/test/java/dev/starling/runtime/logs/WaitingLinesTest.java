package dev.starling.runtime.logs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.logs.LogOptions.WhenFull;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

/** Between a container and its disk: who is blocking waits and loses nothing, who is not never waits, and what finds no room is counted and told. */
class WaitingLinesTest {
    private static final long ROOM_FOR_THREE = 3 * line(1).size();

    /** Keeps what was flushed. */
    private static final class Written implements LogSink {
        final List<String> lines = new ArrayList<>();
        private final List<String> unflushed = new ArrayList<>();
        int flushes;
        boolean closed;

        @Override
        public void append(String stream, Instant time, String text) {
            if (closed) {
                throw new AssertionError("written after it was closed: " + text);
            }
            unflushed.add(stream + " " + text.strip());
        }

        @Override
        public void flush() {
            flushes++;
            lines.addAll(unflushed);
            unflushed.clear();
        }

        @Override
        public long dropped() {
            return 100;
        }

        @Override
        public void close() {
            flush();
            closed = true;
        }
    }

    /** A log and its disk, which writes when it is told to. */
    private static final class Log {
        final Written file = new Written();
        final Queue<Runnable> disk = new ArrayDeque<>();
        final WaitingLines waiting;
        int roomAgain;

        Log(WhenFull whenFull, long maxBytes) {
            waiting = new WaitingLines(file, disk::add, new LogOptions(1_000_000, 2, maxBytes, whenFull));
        }

        void add(int... numbers) {
            for (int number : numbers) {
                waiting.add(line(number));
            }
        }

        long room() {
            return waiting.room(() -> roomAgain++);
        }

        void writeOut() {
            while (!disk.isEmpty()) {
                disk.poll().run();
            }
        }

        CompletableFuture<Void> close() {
            CompletableFuture<Void> written = waiting.close(() -> {});
            writeOut();
            return written;
        }
    }

    private static Lines line(int number) {
        return lines(String.format("line %02d%n", number));
    }

    private static Lines lines(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return new LineSplitter("stdout").accept(Instant.EPOCH, bytes);
    }

    @Test
    void whatFindsNoRoomIsToldBeforeTheNextThatDoes() {
        Log log = new Log(WhenFull.DROP, ROOM_FOR_THREE);
        log.add(1, 2, 3, 4, 5, 6, 7, 8);
        assertEquals(1, log.disk.size(), "one task waits for one log");
        assertEquals(105, log.waiting.dropped(), "its own and those of the file");
        log.writeOut();
        assertEquals(List.of("stdout line 01", "stdout line 02", "stdout line 03"), log.file.lines);
        log.add(9);
        log.writeOut();
        assertEquals(List.of("stderr [starling] 5 lines dropped: the buffer of mode=non-blocking was full (max-buffer-size " + ROOM_FOR_THREE + " bytes)",
                "stdout line 09"), log.file.lines.subList(3, log.file.lines.size()));
    }

    @Test
    void ofWhatWasReadAtOnceAsMuchIsKeptAsFinds() {
        Lines hundred = lines(IntStream.range(0, 100).mapToObj(i -> String.format("line %02d%n", i)).collect(Collectors.joining()));
        Log log = new Log(WhenFull.DROP, hundred.sizeOfFirst(40) + 3);
        log.waiting.add(hundred);
        assertEquals(160, log.waiting.dropped());
        log.close();
        assertEquals("stdout line 39", log.file.lines.get(39));
        assertTrue(log.file.lines.get(40).startsWith("stderr [starling] 60 lines dropped"), log.file.lines.get(40));
    }

    @Test
    void theEndWritesWhatWaitsAndTellsTheGap() {
        Log log = new Log(WhenFull.DROP, ROOM_FOR_THREE);
        log.add(1, 2, 3, 4);
        List<String> afterwards = new ArrayList<>();
        CompletableFuture<Void> written = log.waiting.close(() -> afterwards.add("closed: " + log.file.closed));
        assertFalse(written.isDone(), "nobody waits for the disk");
        log.writeOut();
        assertTrue(written.isDone());
        assertEquals(List.of("closed: true"), afterwards);
        assertEquals(4, log.file.lines.size());
        assertTrue(log.file.lines.get(3).startsWith("stderr [starling] 1 line dropped"), log.file.lines.get(3));
        assertTrue(log.close().isDone(), "a second time nothing happens");
    }

    @Test
    void aLineLongerThanTheBufferWaitsAlone() {
        Log log = new Log(WhenFull.DROP, ROOM_FOR_THREE);
        log.waiting.add(lines("x".repeat(10_000) + "\n"));
        log.add(2);
        assertEquals(101, log.waiting.dropped());
        log.writeOut();
        assertEquals(1, log.file.lines.size());
    }

    @Test
    void aLogOfWhichNothingIsKeptNeedsNoDisk() {
        WaitingLines none = new WaitingLines(new Written(), task -> fail("it was given something to write"), LogOptions.parse(new ContainerSpec.Logging("none", Map.of())));
        for (int i = 0; i < 100_000; i++) {
            none.add(line(1));
        }
        assertTrue(none.room(() -> fail("there is always room")) > 0);
    }

    @Test
    void whoIsBlockingIsToldToWaitAndWhenToGoOn() {
        Log log = new Log(WhenFull.WAIT, ROOM_FOR_THREE);
        assertEquals(ROOM_FOR_THREE, log.room());
        log.add(1, 2);
        assertEquals(line(1).size(), log.room());
        log.add(3);
        assertEquals(0, log.room());
        log.add(4); // at a container's end all is taken
        assertEquals(0, log.roomAgain);
        log.writeOut();
        assertEquals(1, log.roomAgain);
        assertEquals(ROOM_FOR_THREE, log.room());
        assertEquals(100, log.waiting.dropped());
        log.close();
        assertEquals(List.of("stdout line 01", "stdout line 02", "stdout line 03", "stdout line 04"), log.file.lines);
        assertEquals(1, log.roomAgain, "told once");
    }

    /** A rotated file is to keep to its size, and another log is to have its turn. */
    @Test
    void muchIsWrittenInPieces() {
        Log log = new Log(WhenFull.WAIT, 1 << 20);
        for (int i = 0; i < 20; i++) {
            log.waiting.add(lines("12345\n".repeat(2_000)));
        }
        log.disk.poll().run();
        assertTrue(log.file.flushes > 4, log.file.flushes + " flushes");
        assertEquals(1, log.disk.size(), "the rest comes at another turn");
        log.close();
        assertEquals(40_000, log.file.lines.size());
    }

    /** Each line is in the log or in the number of one of its notices, in order, however the disk keeps pace; in a blocking log each is there. */
    @Property(tries = 300)
    void noLineGoesUntold(@ForAll WhenFull whenFull, @ForAll @Size(max = 60) List<@IntRange(max = 6) Integer> turns) {
        Log log = new Log(whenFull, ROOM_FOR_THREE);
        int appended = 0;
        for (int turn : turns) {
            if (turn == 0 && !log.disk.isEmpty()) {
                log.disk.poll().run();
            } else if (log.room() > 0) {
                StringBuilder text = new StringBuilder();
                for (int i = 0; i < turn; i++) {
                    text.append(String.format("line %02d%n", ++appended));
                }
                log.waiting.add(lines(text.toString()));
            }
        }
        log.close();
        int told = 0;
        for (String line : log.file.lines) {
            if (line.startsWith("stdout line ")) {
                assertEquals(++told, Integer.parseInt(line.substring("stdout line ".length())));
            } else {
                told += Integer.parseInt(line.split(" ")[2]);
            }
        }
        assertEquals(appended, told);
        if (whenFull == WhenFull.WAIT) {
            assertEquals(appended, log.file.lines.size());
        }
    }
}
