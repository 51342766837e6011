package dev.starling.runtime.logs;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;

/**
 * Log entries that were read of one stream at one time, as bytes: so what waits for the disk takes little more memory than the container wrote.
 *
 * @param bytes of all entries, and maybe more; {@code ends} where each entry ends in there, the first begins at 0
 */
record Lines(String stream, Instant time, byte[] bytes, int[] ends) {
    /** About what these take in memory beside their text. */
    static final int OVERHEAD_BYTES = 96;
    private static final int BYTES_A_LINE = Integer.BYTES;

    static Lines notice(Instant time, String text) {
        byte[] bytes = LogNotice.of(text).getBytes(StandardCharsets.UTF_8);
        return new Lines(LogNotice.STREAM, time, bytes, new int[] {bytes.length});
    }

    int count() {
        return ends.length;
    }

    boolean isEmpty() {
        return ends.length == 0;
    }

    private int begin(int line) {
        return line == 0 ? 0 : ends[line - 1];
    }

    /** One line with its end, or a piece of a line that is too long or has not ended. */
    String text(int line) {
        return new String(bytes, begin(line), ends[line] - begin(line), StandardCharsets.UTF_8);
    }

    /** In memory, about. */
    long size() {
        return OVERHEAD_BYTES + bytes.length + (long) BYTES_A_LINE * count();
    }

    /** Of {@link #first} with so many. */
    long sizeOfFirst(int lines) {
        return OVERHEAD_BYTES + begin(lines) + (long) BYTES_A_LINE * lines;
    }

    /** As many as {@code room} holds, from the first on. */
    Lines first(long room) {
        if (size() <= room) {
            return this;
        }
        int lines = count();
        while (lines > 0 && sizeOfFirst(lines) > room) {
            lines--;
        }
        return new Lines(stream, time, Arrays.copyOf(bytes, begin(lines)), Arrays.copyOf(ends, lines));
    }
}
