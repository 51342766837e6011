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
    /** Of each type. */
    private static final int FUZZ_INPUTS = Integer.getInteger("starling.fuzz.inputs", 20_000);

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

    /**
     * Anything else than a message or a MessageFormatException (an OutOfMemoryError, an endless loop, ...) fails; what is decoded has one encoding. A
     * million inputs of each type with {@code -Dstarling.fuzz.inputs=1000000}.
     */
    @ParameterizedTest
    @MethodSource("dev.starling.gossip.codec.RandomMessages#types")
    void noBytesBreakTheDecoder(Class<? extends Message> type) {
        Random random = new Random(type.getSimpleName().hashCode());
        RandomMessages messages = new RandomMessages(random);
        int refused = 0;
        byte[] valid = codec.encode(messages.message(type));
        byte[] other = valid;
        for (int i = 0; i < FUZZ_INPUTS; i++) {
            if (i % 16 == 0) {
                other = valid;
                valid = codec.encode(messages.message(type));
            }
            byte[] input = mutated(valid, other, random);
            try {
                Message decoded = codec.decode(input);
                if (i % 8 == 0) {
                    assertEquals(decoded, codec.decode(codec.encode(decoded)));
                }
            } catch (MessageFormatException expected) {
                refused++;
            }
        }
        assertTrue(refused > FUZZ_INPUTS / 20, "only " + refused + " inputs were malformed: the fuzzer is too tame");
        assertTrue(refused < FUZZ_INPUTS - FUZZ_INPUTS / 20, "all but " + (FUZZ_INPUTS - refused) + " inputs were malformed: the fuzzer never gets deep");
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
        assertEquals(4, ping.length, "an idle cluster sends these all day");
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

    /** Noise behind a plausible head, flipped bits, wrong lengths and counts, pieces cut out, doubled, or taken from another message of the type. */
    private static byte[] mutated(byte[] valid, byte[] other, Random random) {
        if (random.nextInt(10) == 0) {
            byte[] noise = new byte[2 + random.nextInt(64)];
            random.nextBytes(noise);
            noise[0] = MessageCodec.VERSION;
            noise[1] = valid[1];
            return noise;
        }
        byte[] bytes = switch (random.nextInt(8)) {
            case 0 -> Arrays.copyOf(valid, random.nextInt(valid.length));
            case 1 -> Arrays.copyOf(valid, valid.length + 1 + random.nextInt(8));
            case 2 -> spliced(valid, valid, random);
            case 3 -> spliced(valid, other, random);
            default -> valid.clone();
        };
        for (int flips = random.nextInt(4); flips > 0 && bytes.length > 1; flips--) {
            int at = 1 + random.nextInt(bytes.length - 1);
            bytes[at] = switch (random.nextInt(4)) {
                case 0 -> (byte) random.nextInt(256);
                case 1 -> (byte) 0xff;
                case 2 -> (byte) (bytes[at] + 1);
                default -> (byte) (bytes[at] ^ 1 << random.nextInt(8));
            };
        }
        return bytes;
    }

    /** The head of {@code one} up to somewhere, and the tail of {@code two} from somewhere else. */
    private static byte[] spliced(byte[] one, byte[] two, Random random) {
        int head = 2 + random.nextInt(one.length - 1);
        int tail = 2 + random.nextInt(two.length - 1);
        byte[] bytes = Arrays.copyOf(one, Math.min(head, one.length) + Math.max(0, two.length - tail));
        if (tail < two.length) {
            System.arraycopy(two, tail, bytes, Math.min(head, one.length), two.length - tail);
        }
        return bytes;
    }
}
