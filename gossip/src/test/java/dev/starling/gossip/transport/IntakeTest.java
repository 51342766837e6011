package dev.starling.gossip.transport;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class IntakeTest {
    private final Intake intake = new Intake(1 << 20);

    /** What gossip waits for must not be a piece of an image that this node downloads from the peer: that may go on for an hour. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void onlyAMessageCountsAsOneThatArrives(boolean message) {
        byte[] payload = new byte[100];
        byte[] whole = bytes(message ? new Frame.Message(payload) : new Frame.Reply(7, payload));
        assertNull(intake.join(new Frame.Part(false, Arrays.copyOf(whole, 60))));
        assertEquals(message, intake.isMessageArriving());
        Frame joined = intake.join(new Frame.Part(true, Arrays.copyOfRange(whole, 60, whole.length)));
        assertEquals(message ? Frame.Message.class : Frame.Reply.class, joined.getClass());
        assertFalse(intake.isMessageArriving());
    }

    private static byte[] bytes(Frame frame) {
        ByteBuf out = Unpooled.buffer();
        frame.write(out);
        return ByteBufUtil.getBytes(out);
    }
}
