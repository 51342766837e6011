package dev.starling.runtime.logs;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The files of one log with the position of each one's first byte, counted from the log's beginning: rotation moves files, and a byte keeps its position,
 * so that a reader goes on where it stopped. {@code FILE.position} beside the log has the position of the newest file's first byte, or, while files are
 * being moved, {@code rotating N} with the number to come.
 *
 * @param segments oldest first, without gaps; {@code mark} what the position file said
 */
public record LogSegments(List<Segment> segments, String mark) {
    private static final String ROTATING = "rotating ";

    public record Segment(Path file, long begin, long length) {
        public long end() {
            return begin + length;
        }
    }

    /** Null where the files are being moved just now. */
    public static LogSegments of(Path file) throws IOException {
        String mark = mark(file);
        if (mark.isEmpty() || mark.startsWith(ROTATING)) {
            return null;
        }
        List<Segment> segments = new ArrayList<>();
        segments.add(new Segment(file, Long.parseLong(mark), length(file)));
        for (int number = 1; ; number++) {
            Path older = numbered(file, number);
            long length = length(older);
            long begin = segments.get(0).begin() - length;
            if (length == 0 || begin < 0) {
                break;
            }
            segments.add(0, new Segment(older, begin, length));
        }
        return mark.equals(mark(file)) ? new LogSegments(List.copyOf(segments), mark) : null;
    }

    /** Whether it still is as it was read; asked after a file was opened. */
    public boolean isCurrent() throws IOException {
        return mark.equals(mark(newest().file()));
    }

    public Segment newest() {
        return segments.get(segments.size() - 1);
    }

    static void beginRotation(Path file, long next) throws IOException {
        Files.writeString(positionFile(file), ROTATING + next);
    }

    static void endRotation(Path file, long begin) throws IOException {
        Files.writeString(positionFile(file), Long.toString(begin));
    }

    /** For the writer that opens the log: a rotation that was cut off is over now. @return the position of the newest file's first byte */
    static long recover(Path file) throws IOException {
        String mark = mark(file);
        if (!mark.isEmpty() && !mark.startsWith(ROTATING)) {
            return Long.parseLong(mark);
        }
        long next = mark.isEmpty() ? 0 : Long.parseLong(mark.substring(ROTATING.length()));
        long begin = Math.max(0, next - length(file)); // the newest was moved away already, or it is the one that was full
        endRotation(file, begin);
        return begin;
    }

    static Path numbered(Path file, int number) {
        return file.resolveSibling(file.getFileName() + "." + number);
    }

    private static Path positionFile(Path file) {
        return file.resolveSibling(file.getFileName() + ".position");
    }

    /** 0 for a log that was never rotated; empty while it is written. */
    private static String mark(Path file) throws IOException {
        try {
            return Files.readString(positionFile(file));
        } catch (NoSuchFileException e) {
            return "0";
        }
    }

    private static long length(Path file) throws IOException {
        try {
            return Files.size(file);
        } catch (NoSuchFileException e) {
            return 0;
        }
    }
}
