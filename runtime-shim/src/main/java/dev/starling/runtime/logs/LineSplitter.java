package dev.starling.runtime.logs;

import java.time.Instant;
import java.util.Arrays;

/**
 * Cuts a byte stream into log entries: a line with its end, or a piece of at most {@value #MAX_ENTRY_BYTES} bytes, as Docker does. A cut never falls inside a
 * character; bytes that are no UTF-8 become U+FFFD when an entry is read.
 */
final class LineSplitter {
    static final int MAX_ENTRY_BYTES = 16 * 1024;
    /** The longest character is of four bytes; what goes on after that is no character. */
    private static final int MAX_CUT_BYTES = MAX_ENTRY_BYTES + 4;
    private static final byte[] NOTHING = {};

    private final String stream;
    /** Has no line end yet. */
    private byte[] pending = NOTHING;

    LineSplitter(String stream) {
        this.stream = stream;
    }

    int pendingBytes() {
        return pending.length;
    }

    /** @param bytes taken over: room for {@link #pendingBytes} in front, then what was read */
    Lines accept(Instant time, byte[] bytes) {
        System.arraycopy(pending, 0, bytes, 0, pending.length);
        Ends ends = new Ends();
        for (int i = pending.length; i < bytes.length; i++) {
            if (i - ends.last() >= MAX_ENTRY_BYTES && (bytes[i] & 0xC0) != 0x80) {
                ends.add(i);
            }
            if (bytes[i] == '\n' || i + 1 - ends.last() >= MAX_CUT_BYTES) {
                ends.add(i + 1);
            }
        }
        pending = ends.last() == bytes.length ? NOTHING : Arrays.copyOfRange(bytes, ends.last(), bytes.length);
        return new Lines(stream, time, bytes, ends.all());
    }

    private static final class Ends {
        private int[] ends = new int[16];
        private int count;

        int last() {
            return count == 0 ? 0 : ends[count - 1];
        }

        void add(int end) {
            if (count == ends.length) {
                ends = Arrays.copyOf(ends, 2 * count);
            }
            ends[count++] = end;
        }

        int[] all() {
            return Arrays.copyOf(ends, count);
        }
    }

    /** What has no line end yet. */
    Lines end(Instant time) {
        byte[] last = pending;
        pending = NOTHING;
        return new Lines(stream, time, last, last.length == 0 ? new int[0] : new int[] {last.length});
    }
}
