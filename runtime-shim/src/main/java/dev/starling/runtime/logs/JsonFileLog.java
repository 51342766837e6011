package dev.starling.runtime.logs;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Instant;

/**
 * A container's log as Docker's json-file driver writes it, one object a line:
 *
 * <pre>{"log":"hello\n","stream":"stdout","time":"2024-05-01T10:00:00.123456789Z"}</pre>
 *
 * When the file has grown to its limit it becomes {@code .1}, {@code .1} becomes {@code .2}, and so on; the oldest goes. Not for
 * several threads.
 */
public final class JsonFileLog implements LogSink {
    /** The names of the fields, the time, and what stands between them. */
    private static final int ENTRY_BYTES = 70;

    private final Path file;
    private final LogOptions options;
    private final StringBuilder batch = new StringBuilder();
    private FileChannel channel;
    private long size;
    private long written;
    /** Of the current file's first byte, see {@link LogSegments}. */
    private long begin;

    public JsonFileLog(Path file, LogOptions options) throws IOException {
        this.file = file;
        this.options = options;
        this.begin = LogSegments.recover(file);
        open();
    }

    private void open() throws IOException {
        channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.APPEND);
        size = channel.size();
    }

    @Override
    public void append(String stream, Instant time, String text) {
        batch.append("{\"log\":\"");
        JsonStringEncoder.getInstance().quoteAsString(text, batch);
        batch.append("\",\"stream\":\"").append(stream).append("\",\"time\":\"").append(time).append("\"}\n");
    }

    /** How much longer the file gets by a line, about; text that is not ASCII, or has to be escaped, takes more. */
    static long bytesOf(String text) {
        return text.length() + ENTRY_BYTES;
    }

    /** Bytes so far, by this object. */
    long written() {
        return written;
    }

    @Override
    public long dropped() {
        return 0;
    }

    @Override
    public void flush() throws IOException {
        if (batch.length() == 0) {
            return;
        }
        ByteBuffer bytes = StandardCharsets.UTF_8.encode(batch.toString());
        batch.setLength(0);
        if (size > 0 && size + bytes.remaining() > options.maxBytes()) {
            rotate();
        }
        while (bytes.hasRemaining()) {
            int count = channel.write(bytes);
            size += count; // of what the disk has taken: lines that it refuses must not rotate away those it has
            written += count;
        }
    }

    private void rotate() throws IOException {
        long next = begin + size;
        LogSegments.beginRotation(file, next);
        channel.close();
        for (int i = options.maxFiles() - 1; i > 1; i--) {
            move(numbered(i - 1), numbered(i));
        }
        if (options.maxFiles() > 1) {
            move(file, numbered(1));
        } else {
            Files.deleteIfExists(file);
        }
        begin = next;
        LogSegments.endRotation(file, begin);
        open();
    }

    private static void move(Path from, Path to) throws IOException {
        if (Files.exists(from)) {
            Files.move(from, to, StandardCopyOption.REPLACE_EXISTING);
        }
    }

    private Path numbered(int number) {
        return LogSegments.numbered(file, number);
    }

    @Override
    public void close() throws IOException {
        flush();
        channel.close();
    }
}
