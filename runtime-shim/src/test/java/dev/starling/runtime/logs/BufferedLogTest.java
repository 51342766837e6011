package dev.starling.runtime.logs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Log option mode=non-blocking: who logs never waits, what finds no room is counted and told. */
class BufferedLogTest {
    private static final long ROOM_FOR_THREE = 3 * (BufferedLog.ENTRY_BYTES + "line 1\n".length());

    /** Keeps what was flushed. */
    private static class Written implements LogSink {
        final List<String> lines = new ArrayList<>();
        private final List<String> unflushed = new ArrayList<>();
        boolean closed;

        @Override
        public void append(String stream, Instant time, String text) {
            if (closed) throw new AssertionError("written after it was closed: " + text);
            unflushed.add(stream + " " + text.strip());
        }

        @Override
        public void flush() {
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

    private final Written file = new Written();
    private final Queue<Runnable> disk = new ArrayDeque<>();
    private final BufferedLog log = new BufferedLog(file, disk::add, ROOM_FOR_THREE);

    private void append(int number) {
        log.append("stdout", Instant.EPOCH, "line " + number + "\n");
        log.flush();
    }

    private void writeOut() {
        while (!disk.isEmpty()) disk.poll().run();
    }

    @Test
    void whatFindsNoRoomIsToldBeforeTheNextThatDoes() throws Exception {
        for (int i = 1; i <= 8; i++) append(i);
        assertEquals(1, disk.size(), "one task waits for one log");
        assertEquals(105, log.dropped(), "its own and those of the log below");
        writeOut();
        assertEquals(List.of("stdout line 1", "stdout line 2", "stdout line 3"), file.lines);
        append(9);
        writeOut();
        assertEquals(List.of("stderr [starling] 5 lines dropped: the buffer of mode=non-blocking was full (max-buffer-size " + ROOM_FOR_THREE + " bytes)",
                "stdout line 9"), file.lines.subList(3, file.lines.size()));
    }

    @Test
    void theEndWritesWhatWaitsAndTellsTheGap() throws Exception {
        for (int i = 1; i <= 4; i++) append(i);
        log.close();
        assertTrue(file.closed);
        assertEquals(4, file.lines.size());
        assertTrue(file.lines.get(3).startsWith("stderr [starling] 1 line dropped"), file.lines.get(3));
        writeOut(); // the task that was too late finds nothing
    }

    @Test
    void aLineLongerThanTheBufferWaitsAlone() {
        log.append("stdout", Instant.EPOCH, "x".repeat(10_000));
        append(2);
        assertEquals(101, log.dropped());
        writeOut();
        assertEquals(1, file.lines.size());
    }

    @Test
    @Timeout(20)
    void aDiskThatHangsHoldsUpNobody() throws Exception {
        CountDownLatch hangs = new CountDownLatch(1);
        CountDownLatch goesOn = new CountDownLatch(1);
        ExecutorService thread = Executors.newSingleThreadExecutor();
        try {
            Written slow = new Written() {
                @Override
                public void flush() {
                    hangs.countDown();
                    try {
                        goesOn.await();
                    } catch (InterruptedException e) {
                        throw new AssertionError(e);
                    }
                    super.flush();
                }
            };
            BufferedLog held = new BufferedLog(slow, thread, ROOM_FOR_THREE);
            held.append("stdout", Instant.EPOCH, "first\n");
            held.flush();
            assertTrue(hangs.await(10, TimeUnit.SECONDS));
            for (int i = 0; i < 1_000; i++) {
                held.append("stdout", Instant.EPOCH, "line " + i + "\n");
                held.flush();
            }
            assertEquals(100 + 997, held.dropped());
            goesOn.countDown();
            held.close();
            assertEquals(1 + 3 + 1, slow.lines.size());
        } finally {
            goesOn.countDown();
            thread.shutdown();
        }
    }

    /** Each line is in the log or in the number of one of its notices, in order, however the disk keeps pace. */
    @Property(tries = 300)
    void noLineGoesUntold(@ForAll @Size(max = 60) List<@IntRange(max = 3) Integer> turns) throws Exception {
        BufferedLogTest one = new BufferedLogTest(); // jqwik gives all tries the same object
        int appended = 0;
        for (int turn : turns) {
            if (turn == 0) one.writeOut();
            else one.append(++appended);
        }
        one.log.close();
        int told = 0;
        for (String line : one.file.lines) {
            if (line.startsWith("stdout line ")) assertEquals(++told, Integer.parseInt(line.substring("stdout line ".length())));
            else told += Integer.parseInt(line.split(" ")[2]);
        }
        assertEquals(appended, told);
    }
}
