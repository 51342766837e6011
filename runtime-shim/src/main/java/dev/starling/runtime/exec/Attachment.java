package dev.starling.runtime.exec;

import dev.starling.runtime.ExecProcess;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.events.EventLoop;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.launch.KeptTerminal;
import dev.starling.runtime.logs.ContainerLog;
import java.util.ArrayDeque;
import java.util.OptionalInt;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * Somebody who looks on at a container's first process: what it writes from now on goes to them as well as to the log, and what they write goes to its
 * standard input or terminal, where that is open. They may come and go; the process notices nothing. A reader who falls too far behind is let go, since neither
 * the process nor its log are to wait for them.
 */
public final class Attachment implements ExecProcess, ContainerLog.Tap {
    private static final int MAX_BEHIND_BYTES = 1 << 20;

    private record Piece(int stream, byte[] bytes) {}

    private final EventLoop loop;
    private final int pid;
    private final ContainerLog log;
    private final Output sink;
    private final InputPump input;
    private final KeptTerminal terminal;
    private final CompletableFuture<OptionalInt> exit = new CompletableFuture<>();

    /** On the loop's thread only, as all below. */
    private final Queue<Piece> behind = new ArrayDeque<>();
    private int behindBytes;
    private boolean paused;
    private boolean ended;

    private Attachment(EventLoop loop, int pid, ContainerLog log, Output sink, InputPump input, KeptTerminal terminal) {
        this.loop = loop;
        this.pid = pid;
        this.log = log;
        this.sink = sink;
        this.input = input;
        this.terminal = terminal;
    }

    /** @param input its FIFO or terminal, taken over; null where that is not open. {@code terminal} null for none */
    public static Attachment start(Kernel kernel, EventLoop loop, int pid, ContainerLog log, Descriptor input, KeptTerminal terminal, Output sink) {
        Attachment attachment = new Attachment(loop, pid, log, sink, new InputPump(kernel, loop, input), terminal);
        if (!loop.execute(() -> log.add(attachment))) {
            if (input != null) {
                input.close();
            }
            throw RuntimeShimException.conflict("attach to a container: the agent is stopping");
        }
        return attachment;
    }

    @Override
    public void accept(int stream, byte[] bytes) {
        if (ended) {
            return;
        }
        behind.add(new Piece(stream, bytes));
        behindBytes += bytes.length;
        handOver();
        if (behindBytes > MAX_BEHIND_BYTES) {
            leave();
        }
    }

    private void handOver() {
        while (!paused && !behind.isEmpty()) {
            Piece piece = behind.remove();
            behindBytes -= piece.bytes.length;
            paused = !sink.accept(piece.stream, piece.bytes);
        }
        if (ended && behind.isEmpty()) {
            exit.complete(OptionalInt.empty());
        }
    }

    /** The container's end, or the agent's: what is left is still handed out to a reader who takes it. */
    @Override
    public void end() {
        ended = true;
        input.close("the container has ended");
        handOver();
    }

    private void leave() {
        if (!ended) {
            log.remove(this);
        }
        ended = true;
        behind.clear();
        behindBytes = 0;
        input.close("nobody is attached any more");
        exit.complete(OptionalInt.empty());
    }

    @Override
    public int pid() {
        return pid;
    }

    @Override
    public CompletionStage<Void> write(byte[] bytes) {
        return input.write(bytes);
    }

    /** The container's input stays open for the next one. */
    @Override
    public void closeInput() {}

    @Override
    public void resize(int rows, int columns) {
        if (terminal != null) {
            terminal.resize(rows, columns);
        }
    }

    @Override
    public void resumeOutput() {
        loop.execute(() -> {
            paused = false;
            handOver();
        });
    }

    @Override
    public void signal(int signal) {
        throw RuntimeShimException.unsupported("signals by way of an attachment");
    }

    @Override
    public void detach() {
        loop.execute(this::leave);
    }

    /** Of being attached; the exit code is the container's. */
    @Override
    public CompletionStage<OptionalInt> exit() {
        return exit;
    }
}
