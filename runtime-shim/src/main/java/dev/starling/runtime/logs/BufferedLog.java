package dev.starling.runtime.logs;

import java.io.IOException;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.Executor;

/**
 * Log option mode=non-blocking: lines wait in memory for a thread that writes them, so that a slow disk never holds up who logs. Where there is no room
 * for a line it is dropped, and their number is told before the next one that finds room.
 *
 * <p>Bounded: {@code maxBytes}, of which each line takes its own characters and {@link #ENTRY_BYTES} more; a single longer line waits alone. Nothing waits
 * for the disk but {@link #close}: a container's log is complete when its end is told.
 */
final class BufferedLog implements LogSink {
    /** About what a line costs in memory beside its text. */
    static final int ENTRY_BYTES = 96;
    /** Lines that go to the disk at once. */
    private static final int BATCH = 64;

    private record Entry(String stream, Instant time, String text) {
        long bytes() {
            return text.length() + ENTRY_BYTES;
        }
    }

    private final LogSink file;
    /** Of the file; guarded by {@link #writing}. */
    private final LossyFlush flush;
    private final Executor writer;
    private final long maxBytes;
    /** Guards the file; taken before this object's own lock, and by nobody who must not wait. */
    private final Object writing = new Object();
    /** Guarded by this, as all below. */
    private final Queue<Entry> waiting = new ArrayDeque<>();
    private long waitingBytes;
    private boolean scheduled;
    private long dropped;
    private long untold;
    private Instant lastDropped;

    BufferedLog(LogSink file, Executor writer, long maxBytes) {
        this.file = file;
        this.flush = new LossyFlush(file);
        this.writer = writer;
        this.maxBytes = maxBytes;
    }

    @Override
    public synchronized void append(String stream, Instant time, String text) {
        Entry entry = new Entry(stream, time, text);
        if (!waiting.isEmpty() && waitingBytes + entry.bytes() > maxBytes) {
            dropped++;
            untold++;
            lastDropped = time;
            return;
        }
        tellGap();
        add(entry);
    }

    private void tellGap() {
        if (untold == 0) return;
        add(new Entry(LogNotice.STREAM, lastDropped, LogNotice.of(LogNotice.lines(untold) + " dropped: the buffer of mode=non-blocking was full (max-buffer-size "
                + maxBytes + " bytes)")));
        untold = 0;
    }

    private void add(Entry entry) {
        waiting.add(entry);
        waitingBytes += entry.bytes();
    }

    /** Has it written soon. */
    @Override
    public synchronized void flush() {
        if (scheduled || waiting.isEmpty()) return;
        scheduled = true;
        writer.execute(this::write);
    }

    private void write() {
        synchronized (writing) {
            synchronized (this) {
                scheduled = false;
            }
            int unflushed = 0;
            for (Entry entry = next(); entry != null; entry = next()) {
                file.append(entry.stream, entry.time, entry.text);
                if (++unflushed % BATCH == 0) flush.run();
            }
            flush.run();
        }
    }

    private synchronized Entry next() {
        Entry entry = waiting.poll();
        if (entry != null) waitingBytes -= entry.bytes();
        return entry;
    }

    @Override
    public long dropped() {
        synchronized (this) {
            return dropped + file.dropped();
        }
    }

    @Override
    public void close() throws IOException {
        synchronized (writing) {
            synchronized (this) {
                tellGap();
            }
            write();
            file.close();
        }
    }
}
