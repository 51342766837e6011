package dev.starling.node.api;

import dev.starling.scheduler.model.Task;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerResponse;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/**
 * Logs of tasks as Docker's multiplexed stream: frames of an 8-byte header (stream, three zeros, length) and a line; of tasks with a terminal the lines alone. Tasks are read in turn,
 * a chunk at a time and only while the client takes it; followed ones are asked again each {@link #POLL_MILLIS}, and tasks that a service
 * starts meanwhile join in. Runs on one event loop.
 *
 * <p>Where a task cannot be read (its node is out of reach), a line on stderr under that task's name says so, and the others go on.
 */
final class LogStream {
    private static final long POLL_MILLIS = 250;
    private static final long READ_SECONDS = 10;

    private static final class Cursor {
        private Task task;
        private long position;
        private boolean opened;
        private boolean ended;
        private boolean failing;
    }

    private final Context context;
    private final Vertx vertx;
    private final HttpServerResponse response;
    private final TaskLogs logs;
    private final LogOptions options;
    private final boolean raw;
    private final Supplier<List<Task>> tasks;
    private final BooleanSupplier mayGrow;
    private final Map<String, Cursor> cursors = new LinkedHashMap<>();
    private final Queue<Cursor> round = new ArrayDeque<>();
    private boolean closed;

    /**
     * @param raw     without headers
     * @param tasks   whose logs to send; asked again while they are followed
     * @param mayGrow whether further tasks may come: if not, following ends with the last of the logs
     */
    LogStream(
            Vertx vertx, HttpServerResponse response, TaskLogs logs, LogOptions options, boolean raw, Supplier<List<Task>> tasks, BooleanSupplier mayGrow) {
        this.context = vertx.getOrCreateContext();
        this.vertx = vertx;
        this.response = response;
        this.logs = logs;
        this.options = options;
        this.raw = raw;
        this.tasks = tasks;
        this.mayGrow = mayGrow;
    }

    void start() {
        response.setChunked(true).putHeader("Content-Type", raw ? "application/vnd.docker.raw-stream" : "application/vnd.docker.multiplexed-stream");
        response.exceptionHandler(error -> closed = true);
        response.closeHandler(nothing -> closed = true);
        response.writeHead();
        beginRound();
    }

    private void beginRound() {
        List<Task> listed = tasks.get();
        Set<String> ids = listed.stream().map(Task::id).collect(Collectors.toSet());
        cursors.entrySet().removeIf(entry -> entry.getValue().ended && !ids.contains(entry.getKey()));
        for (Task task : listed) {
            if (!task.containerId().isEmpty()) {
                cursors.computeIfAbsent(task.id(), id -> new Cursor()).task = task;
            }
        }
        cursors.values().stream().filter(cursor -> !cursor.ended).forEach(round::add);
        next();
    }

    private void next() {
        if (closed) {
            return;
        }
        if (response.writeQueueFull()) {
            response.drainHandler(nothing -> {
                response.drainHandler(null);
                next();
            });
            return;
        }
        Cursor cursor = round.peek();
        if (cursor == null) {
            endRound();
            return;
        }
        int tail = cursor.opened ? -1 : options.tail();
        Future.fromCompletionStage(read(cursor, tail), context).timeout(READ_SECONDS, TimeUnit.SECONDS).onComplete(answer -> {
            if (closed) {
                return;
            }
            if (answer.succeeded()) {
                take(cursor, answer.result());
            } else {
                fail(cursor, answer.cause());
            }
            context.runOnContext(nothing -> next()); // not at once: thousands of ready answers would nest as deep
        });
    }

    private CompletionStage<TaskLogs.Chunk> read(Cursor cursor, int tail) {
        try {
            return logs.read(cursor.task, cursor.position, tail, TaskLogs.CHUNK_BYTES);
        } catch (RuntimeException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    private void take(Cursor cursor, TaskLogs.Chunk chunk) {
        Buffer frames = Buffer.buffer();
        for (TaskLogs.Line line : chunk.lines()) {
            if (options.takes(line)) {
                append(frames, cursor.task, line);
            }
        }
        if (frames.length() > 0) {
            response.write(frames);
        }
        cursor.opened = true;
        cursor.failing = false;
        boolean furtherOn = chunk.next() != cursor.position; // what was passed over may have had no line that can be read
        cursor.position = chunk.next();
        cursor.ended = chunk.ended() || !options.follow() && chunk.lines().isEmpty() && !furtherOn;
        if (cursor.ended || options.follow()) {
            round.remove(); // else the rest of this task comes before the next one, as Docker does it
        }
    }

    private void fail(Cursor cursor, Throwable cause) {
        if (!cursor.failing) {
            String reason = cause instanceof TimeoutException ? "no answer within " + READ_SECONDS + " s"
                    : Replies.of(cause).body().path("message").asText();
            Buffer frame = Buffer.buffer();
            append(frame, cursor.task, new TaskLogs.Line(Instant.now(), 2,
                    ("starling: the log of this task cannot be read now: " + reason + "\n").getBytes(StandardCharsets.UTF_8)));
            response.write(frame);
        }
        cursor.failing = true;
        cursor.ended = !options.follow();
        round.remove();
    }

    private void endRound() {
        boolean over = !options.follow() || Instant.now().isAfter(options.until())
                || !mayGrow.getAsBoolean() && cursors.values().stream().allMatch(cursor -> cursor.ended || cursor.failing);
        if (over) {
            response.end();
        } else {
            vertx.setTimer(POLL_MILLIS, timer -> {
                if (!closed) {
                    beginRound();
                }
            });
        }
    }

    private void append(Buffer frames, Task task, TaskLogs.Line line) {
        StringBuilder prefix = new StringBuilder();
        if (options.timestamps()) {
            prefix.append(Json.time(line.time())).append(' ');
        }
        if (options.details()) {
            prefix.append("com.docker.swarm.node.id=").append(task.node()).append(",com.docker.swarm.service.id=")
                    .append(task.slot().serviceUid()).append(",com.docker.swarm.task.id=").append(task.id()).append(' ');
        }
        byte[] head = prefix.toString().getBytes(StandardCharsets.UTF_8);
        if (!raw) {
            frames.appendByte((byte) line.stream()).appendBytes(new byte[3]).appendInt(head.length + line.content().length);
        }
        frames.appendBytes(head).appendBytes(line.content());
    }
}
