package dev.starling.node.api;

import dev.starling.scheduler.model.Task;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CompletionStage;

/** Reads the logs of tasks, wherever in the cluster they run. */
public interface TaskLogs {
    /** To read at once. More than any line of a log file has: 16 KiB, of which each byte may be written as six. */
    int CHUNK_BYTES = 128 << 10;

    /**
     * Reads on from {@code position} (0 at the start, then {@link Chunk#next}), at most {@code maxBytes}. Where {@code tail >= 0} and
     * {@code position} is 0, begins with the last {@code tail} lines. Fails with {@link ApiException} where the node is out of reach.
     */
    CompletionStage<Chunk> read(Task task, long position, int tail, int maxBytes);

    /** @param ended the container has ended and all its lines were read */
    record Chunk(List<Line> lines, long next, boolean ended) {}

    /** @param stream 1 stdout, 2 stderr; {@code content} with its line end */
    record Line(Instant time, int stream, byte[] content) {}
}
