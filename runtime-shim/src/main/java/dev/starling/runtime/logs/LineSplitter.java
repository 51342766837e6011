package dev.starling.runtime.logs;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;

/**
 * Cuts a byte stream into log entries: a line with its end, or a piece of at most {@value #MAX_ENTRY_BYTES} bytes, as Docker does. Bytes that
 * are no UTF-8 become U+FFFD; a cut never falls inside a character.
 */
final class LineSplitter {
    static final int MAX_ENTRY_BYTES = 16 * 1024;

    private final ByteArrayOutputStream pending = new ByteArrayOutputStream();

    void accept(byte[] bytes, int length, Consumer<String> entries) {
        for (int i = 0; i < length; i++) {
            if (pending.size() >= MAX_ENTRY_BYTES && (bytes[i] & 0xC0) != 0x80) end(entries);
            pending.write(bytes[i]);
            if (bytes[i] == '\n' || pending.size() >= MAX_ENTRY_BYTES + 4) end(entries);
        }
    }

    /** Hands out what has no line end yet. */
    void end(Consumer<String> entries) {
        if (pending.size() == 0) return;
        entries.accept(pending.toString(StandardCharsets.UTF_8));
        pending.reset();
    }
}
