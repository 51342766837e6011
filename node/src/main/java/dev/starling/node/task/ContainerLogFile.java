package dev.starling.node.task;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.starling.node.api.TaskLogs;
import dev.starling.runtime.logs.LogSegments;
import dev.starling.runtime.logs.LogSegments.Segment;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads a container's log, Docker's json-file format, piece by piece. A position counts from the log's beginning, whatever was rotated since
 * ({@link LogSegments}); a reader that is slower than the rotation loses what was deleted, and nothing else.
 */
final class ContainerLogFile {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int TAIL_STEP = 64 << 10;
    private static final int ATTEMPTS = 5;
    private static final long ROTATION_MILLIS = 2;

    /** @param tail the last lines to begin with where {@code position} is 0; negative for all */
    static TaskLogs.Chunk read(Path file, long position, int tail, int maxBytes, boolean containerEnded) throws IOException {
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            LogSegments log = LogSegments.of(file);
            TaskLogs.Chunk chunk = log == null ? null : read(log, position, tail, maxBytes, containerEnded);
            if (chunk != null) {
                return chunk;
            }
            pause();
        }
        return new TaskLogs.Chunk(List.of(), position, false); // it is being rotated; the next round reads on
    }

    /** Null where the files were moved meanwhile. */
    private static TaskLogs.Chunk read(LogSegments log, long position, int tail, int maxBytes, boolean containerEnded) throws IOException {
        long from = position == 0 && tail >= 0 ? startOfTail(log, tail) : position;
        Segment segment = segmentAt(log, from);
        boolean newest = segment == log.newest();
        if (segment.length() == 0) {
            return log.isCurrent() ? new TaskLogs.Chunk(List.of(), segment.begin(), containerEnded) : null;
        }
        // before what is left: at its beginning. Behind what there is: the log was begun anew, by hand
        long start = from < segment.begin() || from > segment.end() ? segment.begin() : from;
        byte[] bytes = new byte[(int) Math.min(maxBytes, segment.end() - start)];
        try (RandomAccessFile file = new RandomAccessFile(segment.file().toFile(), "r")) {
            if (!log.isCurrent()) {
                return null;
            }
            file.seek(start - segment.begin());
            file.readFully(bytes);
        } catch (FileNotFoundException e) {
            return null;
        }
        int used = 0;
        List<TaskLogs.Line> lines = new ArrayList<>();
        for (int i = 0; i < bytes.length; i++) {
            if (bytes[i] == '\n') {
                TaskLogs.Line line = parse(new String(bytes, used, i - used, StandardCharsets.UTF_8));
                if (line != null) {
                    lines.add(line);
                }
                used = i + 1;
            }
        }
        boolean all = start + bytes.length >= segment.end(); // also where the last line is half written: nobody will complete it
        if (used == 0 && bytes.length == maxBytes || all && !newest) {
            used = bytes.length; // a line longer than the reader's bound, or torn at a file's end: skip it rather than stand still
        }
        return new TaskLogs.Chunk(lines, start + used, containerEnded && all && newest);
    }

    private static Segment segmentAt(LogSegments log, long position) {
        for (Segment segment : log.segments()) {
            if (position < segment.end()) {
                return segment;
            }
        }
        return log.newest();
    }

    private static void pause() {
        try {
            Thread.sleep(ROTATION_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static long startOfTail(LogSegments log, int tail) throws IOException {
        int left = tail;
        for (int i = log.segments().size() - 1; i >= 0 && left > 0; i--) {
            Segment segment = log.segments().get(i);
            if (segment.length() == 0) {
                continue;
            }
            try (RandomAccessFile file = new RandomAccessFile(segment.file().toFile(), "r")) {
                int lines = 0;
                long end = segment.length();
                byte[] step = new byte[TAIL_STEP];
                while (end > 0) {
                    int size = (int) Math.min(TAIL_STEP, end);
                    file.seek(end - size);
                    file.readFully(step, 0, size);
                    for (int at = size - 1; at >= 0; at--) {
                        // the file's last byte ends the last line; it does not begin one
                        if (step[at] == '\n' && end - size + at < segment.length() - 1 && ++lines == left) {
                            return segment.begin() + end - size + at + 1;
                        }
                    }
                    end -= size;
                }
                left -= lines + 1;
                if (left <= 0) {
                    return segment.begin();
                }
            }
        }
        return tail == 0 ? log.newest().end() : log.segments().get(0).begin();
    }

    private static TaskLogs.Line parse(String json) {
        try {
            JsonNode line = JSON.readTree(json);
            return new TaskLogs.Line(Instant.parse(line.path("time").asText()), "stderr".equals(line.path("stream").asText()) ? 2 : 1,
                    line.path("log").asText().getBytes(StandardCharsets.UTF_8));
        } catch (JsonProcessingException | java.time.DateTimeException e) {
            return null; // a line torn by a power cut: the rest of the log is still worth reading
        }
    }

    private ContainerLogFile() {}
}
