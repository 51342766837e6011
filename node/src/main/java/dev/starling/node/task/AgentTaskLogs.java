package dev.starling.node.task;

import com.esotericsoftware.kryo.kryo5.io.Output;
import dev.starling.gossip.NodeId;
import dev.starling.node.api.ApiException;
import dev.starling.node.api.TaskLogs;
import dev.starling.node.core.BoundedInput;
import dev.starling.node.host.Threads;
import dev.starling.runtime.Container;
import dev.starling.runtime.ContainerRuntime;
import dev.starling.scheduler.model.Task;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Function;

/** Task logs: from this node's own files, or asked of the node that has them, over Atomix's cluster communication. */
public final class AgentTaskLogs implements TaskLogs, AutoCloseable {
    public static final String SUBJECT = "task-log";
    public static final Duration TIMEOUT = Duration.ofSeconds(5);
    private static final int MAX_REQUEST_BYTES = 512 << 10;
    private static final int MAX_LINES = 100_000;
    private static final int THREADS = 2;

    /** Sends a request to another node. */
    @FunctionalInterface
    public interface Remote {
        CompletableFuture<byte[]> ask(NodeId node, byte[] request);
    }

    private final NodeId self;
    private final ContainerRuntime runtime;
    private final Function<String, String> containerOfTask;
    private final Remote remote;
    private final ExecutorService readers = Executors.newFixedThreadPool(THREADS, Threads.named("logs"));

    public AgentTaskLogs(NodeId self, ContainerRuntime runtime, Function<String, String> containerOfTask, Remote remote) {
        this.self = self;
        this.runtime = runtime;
        this.containerOfTask = containerOfTask;
        this.remote = remote;
    }

    @Override
    public CompletionStage<Chunk> read(Task task, long position, int tail, int maxBytes) {
        if (task.node().equals(self)) {
            return CompletableFuture.supplyAsync(() -> readHere(task.id(), position, tail, maxBytes), readers);
        }
        return remote.ask(task.node(), encodeRequest(task.id(), position, tail, maxBytes)).handle((reply, failure) -> {
            if (failure != null) {
                throw ApiException.unavailable("logs of task " + task.id() + ": node " + task.node() + " cannot be reached: " + failure);
            }
            return decodeChunk(reply);
        });
    }

    /** Answers another node's request. */
    public CompletionStage<byte[]> answer(byte[] request) {
        return CompletableFuture.supplyAsync(() -> {
            BoundedInput in = new BoundedInput(request);
            return encode(readHere(in.text(), in.readLong(), in.readInt(), Math.min(in.readInt(), MAX_REQUEST_BYTES)));
        }, readers);
    }

    private Chunk readHere(String taskId, long position, int tail, int maxBytes) {
        String containerId = containerOfTask.apply(taskId);
        Container container = containerId == null ? null : runtime.inspect(containerId);
        if (container == null) {
            return new Chunk(List.of(), position, true);
        }
        try {
            boolean ended = container.state() == Container.State.EXITED;
            return ContainerLogFile.read(runtime.logFile(containerId), position, tail, Math.max(1, maxBytes), ended);
        } catch (IOException e) {
            throw new ApiException(500, "logs of task " + taskId + ": " + e.getMessage(), e);
        }
    }

    private static byte[] encodeRequest(String taskId, long position, int tail, int maxBytes) {
        Output out = new Output(64, 4096);
        out.writeString(taskId);
        out.writeLong(position);
        out.writeInt(tail);
        out.writeInt(Math.min(maxBytes, MAX_REQUEST_BYTES));
        return out.toBytes();
    }

    private static byte[] encode(Chunk chunk) {
        Output out = new Output(4096, 8 * MAX_REQUEST_BYTES);
        out.writeLong(chunk.next());
        out.writeBoolean(chunk.ended());
        out.writeInt(chunk.lines().size());
        for (Line line : chunk.lines()) {
            out.writeLong(line.time().getEpochSecond());
            out.writeInt(line.time().getNano());
            out.writeByte(line.stream());
            out.writeInt(line.content().length);
            out.writeBytes(line.content());
        }
        return out.toBytes();
    }

    private static Chunk decodeChunk(byte[] bytes) {
        BoundedInput in = new BoundedInput(bytes);
        long next = in.readLong();
        boolean ended = in.readBoolean();
        int count = in.readInt();
        if (count < 0 || count > MAX_LINES) {
            throw new ApiException(500, "a log reply of " + count + " lines was refused");
        }
        List<Line> lines = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            Instant time = Instant.ofEpochSecond(in.readLong(), in.readInt());
            int stream = in.readByte();
            int length = in.readInt();
            if (length < 0 || length > bytes.length) {
                throw new ApiException(500, "a log reply with a line of " + length + " bytes was refused");
            }
            lines.add(new Line(time, stream, in.readBytes(length)));
        }
        return new Chunk(lines, next, ended);
    }

    @Override
    public void close() {
        readers.shutdownNow();
    }
}
