package dev.starling.runtime.logs;

import java.io.IOException;
import java.time.Instant;

/** Where a container's lines go. Called by one thread at a time, but for {@link #dropped}. */
interface LogSink extends AutoCloseable {
    /** Kept until {@link #flush}. @param text one line with its end, or a piece of a line that is too long or has not ended */
    void append(String stream, Instant time, String text);

    void flush() throws IOException;

    /** Lines so far that were not kept, though the disk would have taken them. */
    long dropped();

    @Override
    void close() throws IOException;
}
