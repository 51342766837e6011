package dev.starling.node.agent;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.starling.node.api.TaskLogs;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads a container's log, Docker's json-file format, piece by piece. A position is a byte offset in the current file; where the file was
 * rotated meanwhile it is shorter than the position, and reading goes on at its start. Lines that were rotated away are not read.
 */
final class ContainerLogFile {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int TAIL_STEP = 64 << 10;

    /** @param tail the last lines to begin with where {@code position} is 0; negative for all */
    static TaskLogs.Chunk read(Path file, long position, int tail, int maxBytes, boolean containerEnded) throws IOException {
        if (!Files.exists(file)) {
            return new TaskLogs.Chunk(List.of(), 0, containerEnded);
        }
        try (RandomAccessFile log = new RandomAccessFile(file.toFile(), "r")) {
            long length = log.length();
            long from = position > length ? 0 : position;
            if (from == 0 && tail >= 0) {
                from = startOfTail(log, length, tail);
            }
            byte[] bytes = new byte[(int) Math.min(maxBytes, length - from)];
            log.seek(from);
            log.readFully(bytes);
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
            if (used == 0 && bytes.length == maxBytes) {
                used = bytes.length; // one line longer than the reader's bound: skip it rather than stand still
            }
            boolean all = from + bytes.length >= length; // also where the last line is half written: nobody will complete it
            return new TaskLogs.Chunk(lines, from + used, containerEnded && all);
        }
    }

    private static long startOfTail(RandomAccessFile log, long length, int tail) throws IOException {
        if (tail == 0) {
            return length;
        }
        long end = length;
        int newlines = 0;
        byte[] step = new byte[TAIL_STEP];
        while (end > 0) {
            int size = (int) Math.min(TAIL_STEP, end);
            log.seek(end - size);
            log.readFully(step, 0, size);
            for (int i = size - 1; i >= 0; i--) {
                // the file's last byte ends the last line; it does not begin one
                if (step[i] == '\n' && end - size + i < length - 1 && ++newlines == tail) {
                    return end - size + i + 1;
                }
            }
            end -= size;
        }
        return 0;
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
