package dev.starling.gossip.transport;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * What waits to go out over one connection. Urgent frames do not wait here: they are written at once, between two parts of a large one. Ordinary
 * ones go in order, as the {@link SendWindow} lets them; of a frame that is too large for one part, only the one in work is copied.
 */
final class SendQueue {
    /** Written and not yet taken by the socket, at most: urgent frames are small, and a peer that takes none of them is not there. */
    static final int MAX_URGENT_BYTES = 256 * 1024;
    /** Above this nothing is urgent. */
    static final int MAX_URGENT_FRAME_BYTES = 4 * 1024;

    private final TransportConfig config;
    private final SendWindow window = new SendWindow();
    private final Deque<Frame> waiting = new ArrayDeque<>();
    private int waitingBytes;
    private int urgentBytes;
    private ByteBuf inParts;

    SendQueue(TransportConfig config) {
        this.config = config;
    }

    boolean admitsUrgent(Frame frame) {
        return urgentBytes + frame.size() <= MAX_URGENT_BYTES;
    }

    void urgentBegun(Frame frame) {
        urgentBytes += frame.size();
    }

    void urgentDone(Frame frame) {
        urgentBytes -= frame.size();
    }

    /** False where the queue is full. */
    boolean add(Frame frame) {
        if (waiting.size() >= config.queueFrames() || waitingBytes + frame.size() > config.queueBytes()) {
            return false;
        }
        waiting.add(frame);
        waitingBytes += frame.size();
        return true;
    }

    /** What to write next; null where nothing waits or enough is under way. */
    Frame next() {
        if (inParts != null) {
            return window.admits(SendWindow.PART_BYTES) ? nextPart() : null;
        }
        Frame first = waiting.peek();
        if (first == null || !window.admits(Math.min(first.size(), SendWindow.PART_BYTES))) {
            return null;
        }
        waiting.remove();
        if (first.size() <= SendWindow.PART_BYTES) {
            waitingBytes -= first.size();
            return first;
        }
        inParts = Unpooled.buffer(first.size());
        first.write(inParts);
        waitingBytes -= first.size() - inParts.readableBytes();
        return nextPart();
    }

    private Frame nextPart() {
        byte[] piece = new byte[Math.min(inParts.readableBytes(), SendWindow.PART_BYTES)];
        inParts.readBytes(piece);
        waitingBytes -= piece.length;
        boolean last = !inParts.isReadable();
        if (last) {
            inParts = null; // unpooled, on the heap
        }
        return new Frame.Part(last, piece);
    }

    void sent(Frame frame, long nowNanos) {
        if (frame.isLoad()) {
            window.sent(frame.size(), nowNanos);
        }
    }

    void taken(long sum, long nowNanos) {
        window.taken(sum, nowNanos);
    }

    /** The connection ended. Returns how many frames are lost with it. */
    int clear() {
        int lost = waiting.size() + (inParts == null ? 0 : 1);
        waiting.clear();
        inParts = null;
        waitingBytes = 0;
        return lost;
    }
}
