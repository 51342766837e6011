package dev.starling.runtime.logs;

import dev.starling.runtime.logs.LogOptions.WhenFull;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a container has logged and its disk has not taken yet. Lines come from a thread that must never wait for a disk, and are written, in their order, by a task
 * of {@code writer}, of which there is one at a time for each log.
 *
 * <p>Bounded: {@code maxBytes}; what is just being written counts until it is. What happens when they are used up is the log option {@code mode}:
 *
 * <ul>
 *   <li>blocking, {@link WhenFull#WAIT}: the caller stops reading what the container writes, so that the container waits; nothing is dropped.
 *   <li>non-blocking, {@link WhenFull#DROP}: lines without room are dropped, and their number is told before the next one that finds room. A single line that is
 *       longer than the buffer waits alone.
 * </ul>
 */
final class WaitingLines {
    private static final Logger LOG = LoggerFactory.getLogger(WaitingLines.class);
    /** Given to the file at once, about; so rotation keeps to its sizes whatever a container writes at once. */
    private static final int FLUSH_BYTES = 64 * 1024;
    /** Less room than this part of all counts as none: reads of a few bytes would cost more than they bring. */
    private static final int WORTH_A_READ_ONE_IN = 16;
    private static final Runnable NOBODY = () -> {};

    /** Touched by the writing task only, as is {@link #flush}. */
    private final LogSink file;
    private final LossyFlush flush;
    private final Executor writer;
    private final WhenFull whenFull;
    private final long maxBytes;
    /** The driver none: what is logged waits for nobody's disk. */
    private final boolean keepsNothing;
    private final CompletableFuture<Void> written = new CompletableFuture<>();

    /** Guarded by this, as all below. The first of them are just being written where there is a task. */
    private final Queue<Lines> waiting = new ArrayDeque<>();
    private long waitingBytes;
    /** There is a task, waiting or at work. */
    private boolean writing;
    /** Null where nobody waits for room. */
    private Runnable roomAgain;
    /** Null until nothing is added any more. */
    private Runnable last;
    private long dropped;
    private long untold;
    private Instant lastDropped;

    WaitingLines(LogSink file, Executor writer, LogOptions options) {
        this.file = file;
        this.flush = new LossyFlush(file);
        this.writer = writer;
        this.whenFull = options.whenFull();
        this.maxBytes = options.bufferBytes();
        this.keepsNothing = options.maxFiles() == 0;
    }

    /**
     * How many bytes the caller may read of its container.
     *
     * @param again called by the writing task when half of the room is free, where this says 0
     */
    synchronized long room(Runnable again) {
        if (whenFull == WhenFull.DROP) {
            return Long.MAX_VALUE;
        }
        long room = maxBytes - waitingBytes;
        if (room >= maxBytes / WORTH_A_READ_ONE_IN) {
            return room;
        }
        roomAgain = again;
        return 0;
    }

    /** Has them written soon. Also without room, where that is {@link WhenFull#WAIT}: the caller asks first, but for what it has to take at a container's end. */
    synchronized void add(Lines lines) {
        if (keepsNothing) {
            return;
        }
        Lines fitting = whenFull == WhenFull.WAIT ? lines : fitting(lines);
        if (fitting.isEmpty()) {
            return;
        }
        enqueue(fitting);
        startWriting();
    }

    private Lines fitting(Lines lines) {
        Lines fitting = lines.first(maxBytes - waitingBytes);
        if (fitting.isEmpty() && waiting.isEmpty() && !lines.isEmpty()) {
            fitting = lines.first(lines.sizeOfFirst(1));
        }
        if (!fitting.isEmpty()) {
            tellGap();
        }
        long missing = lines.count() - fitting.count();
        if (missing > 0) {
            lastDropped = lines.time();
        }
        dropped += missing;
        untold += missing;
        return fitting;
    }

    private void tellGap() {
        if (untold == 0) {
            return;
        }
        enqueue(Lines.notice(lastDropped, LogNotice.lines(untold) + " dropped: the buffer of mode=non-blocking was full (max-buffer-size " + maxBytes + " bytes)"));
        untold = 0;
    }

    private void enqueue(Lines lines) {
        waiting.add(lines);
        waitingBytes += lines.size();
    }

    private void startWriting() {
        if (writing) {
            return;
        }
        writing = true;
        writer.execute(this::writeSome);
    }

    /** Some at a turn, so that a container that logs without pause leaves the thread to others in between. */
    private void writeSome() {
        List<Lines> some = some();
        try {
            write(some);
        } finally {
            remove(some).run();
            goOn();
        }
    }

    private synchronized List<Lines> some() {
        List<Lines> some = new ArrayList<>();
        long bytes = 0;
        for (Lines lines : waiting) {
            some.add(lines);
            bytes += lines.size();
            if (bytes >= FLUSH_BYTES) {
                break;
            }
        }
        return some;
    }

    private void write(List<Lines> some) {
        long unflushed = 0;
        for (Lines lines : some) {
            for (int i = 0; i < lines.count(); i++) {
                String text = lines.text(i);
                file.append(lines.stream(), lines.time(), text);
                unflushed += JsonFileLog.bytesOf(text);
                if (unflushed < FLUSH_BYTES) {
                    continue;
                }
                flush.run();
                unflushed = 0;
            }
        }
        if (unflushed > 0) {
            flush.run();
        }
    }

    /** @return whom to tell that there is room again */
    private synchronized Runnable remove(List<Lines> done) {
        for (Lines lines : done) {
            waiting.remove();
            waitingBytes -= lines.size();
        }
        if (roomAgain == null || waitingBytes > maxBytes / 2) {
            return NOBODY;
        }
        Runnable waits = roomAgain;
        roomAgain = null;
        return waits;
    }

    private void goOn() {
        synchronized (this) {
            if (!waiting.isEmpty()) {
                writer.execute(this::writeSome);
                return;
            }
            if (last == null) {
                writing = false;
                return;
            }
        }
        closeFile();
    }

    private void closeFile() {
        try {
            file.close();
        } catch (IOException e) {
            LOG.warn("close log: {}", e.toString());
        }
        try {
            last.run();
        } finally {
            written.complete(null);
        }
    }

    /** Lines so far that were not kept. */
    long dropped() {
        synchronized (this) {
            return dropped + file.dropped();
        }
    }

    /**
     * Nothing is added any more. A second time nothing happens.
     *
     * @param afterwards the writing task's last act
     * @return done when the file has all there was and is closed, and that act is done
     */
    synchronized CompletableFuture<Void> close(Runnable afterwards) {
        if (last == null) {
            last = afterwards;
            tellGap();
            startWriting();
        }
        return written;
    }
}
