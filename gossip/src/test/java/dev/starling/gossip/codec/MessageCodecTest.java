package dev.starling.gossip.codec;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.message.Message;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class MessageCodecTest {
    private static final int MAX_MESSAGE_BYTES = 1 << 20;
    private static final int FUZZ_INPUTS = 100_000;

    private final MessageCodec codec = new MessageCodec(MAX_MESSAGE_BYTES);

    @Property(tries = 1_000)
    void everyMessageSurvivesTheRoundTrip(@ForAll long seed) {
        for (Class<? extends Message> type : RandomMessages.TYPES) {
            Message message = new RandomMessages(new Random(seed)).message(type);
            assertEquals(message, codec.decode(codec.encode(message)));
        }
    }

    @Test
    void allTypesAreCovered() {
        Set<Class<?>> permitted = new HashSet<>(Arrays.asList(Message.class.getPermittedSubclasses()));
        permitted.remove(Message.DesiredRange.class);
        assertEquals(permitted, new HashSet<>(RandomMessages.TYPES));
    }

    /** Anything else than a message or a MessageFormatException (an OutOfMemoryError, an endless loop, ...) fails. */
    @ParameterizedTest
    @MethodSource("dev.starling.gossip.codec.RandomMessages#types")
    void noBytesBreakTheDecoder(Class<? extends Message> type) {
        Random random = new Random(type.getSimpleName().hashCode());
        RandomMessages messages = new RandomMessages(random);
        int refused = 0;
        byte[] valid = codec.encode(messages.message(type));
        for (int i = 0; i < FUZZ_INPUTS; i++) {
            if (i % 50 == 0) {
                valid = codec.encode(messages.message(type));
            }
            byte[] input = mutated(valid, random);
            try {
                Message decoded = codec.decode(input);
                assertEquals(decoded, codec.decode(codec.encode(decoded)));
            } catch (MessageFormatException expected) {
                refused++;
            }
        }
        assertTrue(refused > FUZZ_INPUTS / 20, "only " + refused + " inputs were malformed: the fuzzer is too tame");
    }

    @Test
    void aHugeCountAllocatesNothing() {
        byte[] want = codec.encode(new Message.Stored("u", 1));
        want[1] = codec.encode(new Message.Nack(1))[1]; // another class id: what follows has the wrong layout
        assertThrows(MessageFormatException.class, () -> codec.decode(want));
        byte[] push = {MessageCodec.VERSION, 21, 1, -1, -1, -1, -1, 7};
        assertThrows(MessageFormatException.class, () -> codec.decode(push));
    }

    /** Found by the fuzzer: Kryo's own readers of String and of class names allocate whatever length they are told. */
    @Test
    void classesThatKryoRegistersItselfAreNoMessages() {
        for (int id = 0; id < 16; id++) {
            byte[] input = {MessageCodec.VERSION, (byte) id, -1, -1, -1, -1, 127, 1, 1, 1};
            assertThrows(MessageFormatException.class, () -> codec.decode(input));
        }
    }

    @Test
    void refusalsSayWhy() {
        byte[] ping = codec.encode(new Message.Ping(1, null, null));
        assertEquals(5, ping.length, "an idle cluster sends these all day");
        byte[] otherVersion = ping.clone();
        otherVersion[0] = 9;
        assertEquals("protocol version 9, this node speaks " + MessageCodec.VERSION + ": upgrade this node",
                assertThrows(MessageFormatException.class, () -> codec.decode(otherVersion)).getMessage());
        assertEquals("1 bytes after the message",
                assertThrows(MessageFormatException.class, () -> codec.decode(Arrays.copyOf(ping, ping.length + 1))).getMessage());
        assertThrows(MessageFormatException.class, () -> codec.decode(new byte[0]));
        assertThrows(MessageFormatException.class, () -> codec.decode(new byte[MAX_MESSAGE_BYTES * 2]));
        assertThrows(MessageFormatException.class, () -> codec.decode(new byte[] {MessageCodec.VERSION, 0}));
        assertThrows(MessageFormatException.class, () -> codec.decode(new byte[] {MessageCodec.VERSION, 3, 1}));
    }

    @Test
    void aMessageAboveTheSizeLimitIsNotEncoded() {
        Message push = RandomMessages.pushOf(Bytes.wrap(new byte[MAX_MESSAGE_BYTES * 2]));
        assertThrows(IllegalArgumentException.class, () -> codec.encode(push));
        Message small = new Message.Nack(7);
        assertEquals(small, codec.decode(codec.encode(small)), "the codec goes on after a refusal");
    }

    private static byte[] mutated(byte[] valid, Random random) {
        if (random.nextInt(10) == 0) { // pure noise behind a plausible head
            byte[] noise = new byte[2 + random.nextInt(64)];
            random.nextBytes(noise);
            noise[0] = MessageCodec.VERSION;
            noise[1] = valid[1];
            return noise;
        }
        byte[] bytes = valid.clone();
        for (int flips = 1 + random.nextInt(4); flips > 0; flips--) {
            int at = 1 + random.nextInt(bytes.length - 1);
            bytes[at] = switch (random.nextInt(4)) {
                case 0 -> (byte) random.nextInt(256);
                case 1 -> (byte) 0xff;
                case 2 -> (byte) (bytes[at] + 1);
                default -> (byte) (bytes[at] ^ 1 << random.nextInt(8));
            };
        }
        return switch (random.nextInt(6)) {
            case 0 -> Arrays.copyOf(bytes, random.nextInt(bytes.length));
            case 1 -> Arrays.copyOf(bytes, bytes.length + 1 + random.nextInt(8));
            default -> bytes;
        };
    }
}
