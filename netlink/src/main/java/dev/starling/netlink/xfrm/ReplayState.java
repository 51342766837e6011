package dev.starling.netlink.xfrm;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Which numbers an association has given to packets, and which it has seen. What takes the place of an association under the same key has to go on from there: a number
 * that is given twice breaks the cipher, one that is taken in twice is a replay.
 *
 * <pre>
 * struct xfrm_replay_state_esn { u32 bmp_len, oseq, seq, oseq_hi, seq_hi, replay_window; u32 bmp[]; };   // linux/xfrm.h
 * </pre>
 */
final class ReplayState {
    private static final int WINDOW = 128;
    private static final int BITS = 24;
    private static final int LOW = 4;
    private static final int HIGH = 12;

    private final byte[] bytes;

    private ReplayState(byte[] bytes) {
        this.bytes = bytes;
    }

    /** Of an association under a key that was never used. */
    static ReplayState fresh() {
        byte[] bytes = new byte[BITS + WINDOW / 8];
        buffer(bytes).putInt(0, WINDOW / 32).putInt(20, WINDOW);
        return new ReplayState(bytes);
    }

    /** @param bytes the kernel's; too short for one where the association has none */
    static ReplayState of(byte[] bytes) {
        return bytes.length < BITS ? fresh() : new ReplayState(bytes.clone());
    }

    /** The same with {@code packets} numbers left out that may have been given meanwhile. */
    ReplayState afterSending(long packets) {
        byte[] changed = bytes.clone();
        long sent = sent() + packets;
        buffer(changed).putInt(LOW, (int) sent).putInt(HIGH, (int) (sent >>> 32));
        return new ReplayState(changed);
    }

    long sent() {
        return (long) buffer(bytes).getInt(HIGH) << 32 | buffer(bytes).getInt(LOW) & 0xffff_ffffL;
    }

    byte[] bytes() {
        return bytes.clone();
    }

    private static ByteBuffer buffer(byte[] bytes) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder());
    }
}
