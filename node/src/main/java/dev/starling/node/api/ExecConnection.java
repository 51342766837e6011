package dev.starling.node.api;

import dev.starling.runtime.ExecProcess;
import io.netty.channel.socket.ChannelInputShutdownEvent;
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
 */
final class ExecConnection implements ExecProcess.Output {
    private static final int HEADER_BYTES = 8;
    private static final long LAST_INPUT_MILLIS = 50;
    private static final int MAX_WAITING_BYTES = 128 << 10;

    private final ExecTable.Entry entry;
    private final Context context;
    /** Guarded by this until there is a socket: what was written before. At most a piece of each stream, since more is not accepted. */
    private final Queue<Buffer> early = new ArrayDeque<>();
    private NetSocket socket;
    private boolean gone;
    private boolean ended;

    ExecConnection(ExecTable.Entry entry, Context context) {
        this.entry = entry;
        this.context = context;
    }

    private boolean isTerminal() {
        return entry.spec.tty();
    }

    String contentType() {
        return isTerminal() ? "application/vnd.docker.raw-stream" : "application/vnd.docker.multiplexed-stream";
    }

    /** There is no process, and this is why. */
    void refuse(NetSocket opened, String reason) {
        opened.end(frame(1, (reason + "\r\n").getBytes(StandardCharsets.UTF_8)));
    }

    @Override
    public synchronized boolean accept(int stream, byte[] bytes) {
        if (gone || !(stream == 1 ? entry.output : entry.errors)) {
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
        if (isTerminal()) {
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
        new Input(running, (NetSocketInternal) opened).read();
        synchronized (this) {
            socket = opened;
            early.forEach(opened::write);
            early.clear();
            if (ended) {
                opened.close();
            }
        }
        running.resumeOutput();
    }

    /**
     * What the client sends, handed on piece by piece. Where the process is slow the socket is paused. What Vert.x holds back then comes after the news
     * that the input is over, so that the end is passed on only when nothing more came for a moment. On the socket's event loop only.
     */
    private final class Input {
        private final ExecProcess running;
        private final NetSocketInternal opened;
        private final Queue<Buffer> pieces = new ArrayDeque<>();
        private int waitingBytes;
        private boolean writing;
        private boolean over;

        Input(ExecProcess running, NetSocketInternal opened) {
            this.running = running;
            this.opened = opened;
        }

        void read() {
            opened.handler(piece -> {
                pieces.add(piece);
                waitingBytes += piece.length();
                if (waitingBytes >= MAX_WAITING_BYTES) {
                    opened.pause();
                }
                writeNext();
            });
            opened.eventHandler(event -> {
                if (event instanceof ChannelInputShutdownEvent) {
                    over = true;
                    writeNext();
                }
            });
        }

        private void writeNext() {
            if (writing) {
                return;
            }
            Buffer next = pieces.poll();
            if (next == null) {
                if (over) {
                    context.owner().setTimer(LAST_INPUT_MILLIS, timer -> {
                        if (pieces.isEmpty() && !writing) {
                            running.closeInput();
                        }
                    });
                }
                return;
            }
            writing = true;
            running.write(next.getBytes()).whenComplete((done, failure) -> context.runOnContext(nothing -> {
                writing = false;
                waitingBytes -= next.length();
                if (waitingBytes < MAX_WAITING_BYTES) {
                    opened.resume();
                }
                writeNext();
            }));
        }
    }

    /** The client is gone: what still comes is let go, so that the process is not held up. */
    void lost(ExecProcess running) {
        synchronized (this) {
            gone = true;
            early.clear();
        }
        running.closeInput();
        running.resumeOutput();
    }

    /** After the last output. */
    synchronized void ended() {
        ended = true;
        if (socket != null) {
            NetSocket open = socket;
            context.runOnContext(nothing -> open.close());
        }
    }
}
