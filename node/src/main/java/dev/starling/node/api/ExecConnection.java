package dev.starling.node.api;

import dev.starling.runtime.ExecProcess;
import io.vertx.core.Context;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.internal.net.NetSocketInternal;
import io.vertx.core.net.NetSocket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Queue;

/**
 * A client's connection after the upgrade: what it sends is the process's input, what comes back is raw for a terminal, else in frames of an 8-byte
 * header (stream, three zeros, length). Both directions wait for their reader; a client that is gone ends the input, the process goes on.
 *
 * <p>A client says that its input is over by shutting down its side of the connection, and still wants the output. Netty tells the one from the
 * other only with its epoll transport; where that is missing, the connection ends with the client's input.
 *
 * <p>The end of the output is told in the same way: our side is shut down, and what the client still sends is taken in until it has closed its own
 * ({@link ClientInput#endOutput}). A socket closed with input unread resets the connection, and the client would see that in place of the exit code.
 */
final class ExecConnection implements ExecProcess.Output {
    private static final int HEADER_BYTES = 8;

    private final boolean terminal;
    private final boolean output;
    private final boolean errors;
    private final Context context;
    /** Guarded by this until there is a socket: what was written before. At most a piece of each stream, since more is not accepted. */
    private final Queue<Buffer> early = new ArrayDeque<>();
    private NetSocket socket;
    private ClientInput input;
    private boolean gone;
    private boolean ended;

    /** @param output whether the client wants its standard output; {@code errors} likewise */
    ExecConnection(boolean terminal, boolean output, boolean errors, Context context) {
        this.terminal = terminal;
        this.output = output;
        this.errors = errors;
        this.context = context;
    }

    String contentType() {
        return terminal ? "application/vnd.docker.raw-stream" : "application/vnd.docker.multiplexed-stream";
    }

    /** There is no process, and this is why. */
    void refuse(NetSocket opened, String reason) {
        ClientInput unwanted = ClientInput.unwanted((NetSocketInternal) opened);
        opened.write(frame(1, (reason + "\r\n").getBytes(StandardCharsets.UTF_8)));
        unwanted.endOutput(opened);
    }

    @Override
    public synchronized boolean accept(int stream, byte[] bytes) {
        if (gone || !(stream == 1 ? output : errors)) {
            return true; // nobody listens
        }
        Buffer frame = frame(stream, bytes);
        if (socket == null) {
            early.add(frame);
            return false;
        }
        NetSocket open = socket;
        context.runOnContext(nothing -> open.write(frame));
        return !open.writeQueueFull();
    }

    private Buffer frame(int stream, byte[] bytes) {
        if (terminal) {
            return Buffer.buffer(bytes);
        }
        return Buffer.buffer(HEADER_BYTES + bytes.length).appendByte((byte) stream).appendByte((byte) 0).appendByte((byte) 0).appendByte((byte) 0)
                .appendInt(bytes.length).appendBytes(bytes);
    }

    /** On the socket's context. */
    void attach(NetSocket opened, ExecProcess running) {
        opened.exceptionHandler(error -> lost(running));
        opened.closeHandler(nothing -> lost(running));
        opened.drainHandler(nothing -> running.resumeOutput());
        ClientInput reader = ClientInput.read((NetSocketInternal) opened, running);
        synchronized (this) {
            socket = opened;
            input = reader;
            early.forEach(opened::write);
            early.clear();
            if (ended) {
                reader.endOutput(opened);
            }
        }
        running.resumeOutput();
    }

    /** The client is gone: what still comes is let go, so that the process is not held up. */
    void lost(ExecProcess running) {
        synchronized (this) {
            gone = true;
            early.clear();
        }
        running.closeInput();
        running.resumeOutput();
        running.detach();
    }

    /** After the last output. */
    synchronized void ended() {
        ended = true;
        if (socket != null) {
            NetSocket open = socket;
            ClientInput reader = input;
            context.runOnContext(nothing -> reader.endOutput(open));
        }
    }
}
