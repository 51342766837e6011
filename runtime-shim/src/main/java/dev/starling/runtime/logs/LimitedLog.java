package dev.starling.runtime.logs;

import java.io.IOException;
import java.time.Instant;
import java.time.InstantSource;

/**
 * Lets through what the node's and the container's own allowance grant; the rest is dropped. A gap is told in the log twice: where it begins, and, with the
 * number of lines, before the next line that is kept. These notices are written also when nothing is left, at most one pair each time that
 * an allowance has recovered by a tenth.
 */
final class LimitedLog implements LogSink {
    private final JsonFileLog file;
    private final InstantSource clock;
    private final WriteAllowance node;
    private final WriteAllowance own;
    private final long bytesPerHour;
    private volatile long dropped;
    /** Since the last notice that told how many. */
    private long untold;
    private Instant lastDropped;
    /** Taken for lines that wait for {@link #flush}, which then knows what they really took. */
    private long estimated;

    LimitedLog(JsonFileLog file, InstantSource clock, WriteAllowance node, WriteAllowance own, long bytesPerHour) {
        this.file = file;
        this.clock = clock;
        this.node = node;
        this.own = own;
        this.bytesPerHour = bytesPerHour;
    }

    @Override
    public void append(String stream, Instant time, String text) {
        long bytes = JsonFileLog.bytesOf(text);
        Instant now = clock.instant(); // of the writing: a line may have waited long for the disk
        boolean ownHas = own.has(bytes, now);
        if (ownHas && node.has(bytes, now)) {
            tellGap(time);
            write(stream, time, text);
            return;
        }
        if (untold++ == 0) {
            write(LogNotice.STREAM, time, LogNotice.of("lines are dropped from here on: " + (ownHas ? "the containers of this node have" : "this container has")
                    + " logged " + (ownHas ? bytesPerHour : bytesPerHour / NodeLogLimit.MOST_ONE_IN) + " bytes within an hour (logs.bytes-per-hour)"));
        }
        dropped++;
        lastDropped = time;
    }

    private void tellGap(Instant time) {
        if (untold == 0) {
            return;
        }
        write(LogNotice.STREAM, time, LogNotice.of(LogNotice.lines(untold) + " dropped"));
        untold = 0;
    }

    private void write(String stream, Instant time, String text) {
        long bytes = JsonFileLog.bytesOf(text);
        take(bytes);
        estimated += bytes;
        file.append(stream, time, text);
    }

    private void take(long bytes) {
        own.take(bytes);
        node.take(bytes);
    }

    @Override
    public void flush() throws IOException {
        long before = file.written();
        try {
            file.flush();
        } finally {
            take(file.written() - before - estimated); // text that is not ASCII, or has to be escaped, is longer than it looked
            estimated = 0;
        }
    }

    @Override
    public long dropped() {
        return dropped;
    }

    @Override
    public void close() throws IOException {
        tellGap(lastDropped);
        try {
            flush();
        } finally {
            file.close();
        }
    }
}
