package dev.starling.gossip.transport;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.handler.codec.CorruptedFrameException;
import io.netty.handler.codec.TooLongFrameException;
import java.util.ArrayList;
import java.util.List;

/**
 * The receiving end of a {@link SendQueue}: puts together what arrives in parts, and keeps the account of what has been taken. It never holds
 * more than one frame of the cap's size; a peer that sends more is cut off.
 */
final class Intake {
    private final int maxFrameBytes;
    private final List<byte[]> pieces = new ArrayList<>();
    private int pieceBytes;
    private long taken;
    private long told;

    Intake(int maxFrameBytes) {
        this.maxFrameBytes = maxFrameBytes;
    }

    /** @return what to tell the peer now that {@code frame} is here; null for nothing */
    Frame.Taken took(Frame frame) {
        taken += frame.isLoad() ? frame.size() : 0;
        if (taken - told < SendWindow.TELL_EVERY_BYTES) {
            return null;
        }
        told = taken;
        return new Frame.Taken(taken);
    }

    /** What arrives in parts is a message; a request or a reply is between those that asked and answer. */
    boolean isMessageArriving() {
        return !pieces.isEmpty() && Frame.beginsMessage(pieces.get(0));
    }

    /** @return the whole frame with its last part, else null */
    Frame join(Frame.Part part) {
        if (part.piece().length == 0) {
            throw new CorruptedFrameException("an empty part of a frame");
        }
        pieceBytes += part.piece().length;
        if (pieceBytes > maxFrameBytes) {
            throw new TooLongFrameException("a frame in parts is over the cap of " + maxFrameBytes + " bytes");
        }
        pieces.add(part.piece());
        if (!part.last()) {
            return null;
        }
        ByteBuf whole = Unpooled.wrappedBuffer(pieces.toArray(byte[][]::new));
        pieces.clear();
        pieceBytes = 0;
        Frame frame = Frame.read(whole);
        if (!frame.isLoad() || frame instanceof Frame.Part) {
            throw new CorruptedFrameException("a " + frame.getClass().getSimpleName() + " frame in parts");
        }
        return frame;
    }
}
