package dev.starling.gossip.transport;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.handler.codec.CorruptedFrameException;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.StringLength;

class FrameTest {
    @Property(tries = 500)
    void theReaderTakesAnyBytes(@ForAll byte[] bytes) {
        try {
            Frame frame = Frame.read(Unpooled.wrappedBuffer(bytes));
            assertEquals(frame.getClass(), Frame.read(written(frame)).getClass());
        } catch (CorruptedFrameException refused) {
            assertNotNull(refused.getMessage());
        }
    }

    @Property(tries = 200)
    void requestsComeBackAsTheyWereAndFitTheirSize(@ForAll long id, @ForAll @StringLength(max = 300) String subject, @ForAll byte[] payload) {
        Frame.Request request = new Frame.Request(id, subject.replaceAll("[\\uD800-\\uDFFF]", "?"), payload);
        ByteBuf out = written(request);
        assertEquals(true, out.readableBytes() + 4 <= request.size(), "size() must be an upper bound");
        Frame.Request back = (Frame.Request) Frame.read(out);
        assertEquals(id, back.id());
        assertEquals(request.subject(), back.subject());
        assertArrayEquals(payload, back.payload());
    }

    private static ByteBuf written(Frame frame) {
        ByteBuf out = Unpooled.buffer();
        frame.write(out);
        return out;
    }
}
