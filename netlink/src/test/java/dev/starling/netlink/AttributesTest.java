package dev.starling.netlink;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;

class AttributesTest {
    /** What is written: a value, or more of these. */
    sealed interface Tree {
        record Leaf(int type, List<Byte> value) implements Tree {}

        record Branch(int type, List<Tree> children) implements Tree {}
    }

    @Property(tries = 300)
    void whatIsWrittenIsRead(@ForAll("trees") List<Tree> trees, @ForAll byte headerByte) {
        byte[] message = message(trees, headerByte);
        assertEquals(0, message.length % 4, "attributes end aligned");
        assertEquals(trees, read(Attributes.parse(ByteBuffer.wrap(message), 4), trees));
    }

    @Property(tries = 300)
    void aNaiveSecondDecoderAgrees(@ForAll("trees") List<Tree> trees) {
        byte[] message = message(trees, (byte) 0);
        List<List<Byte>> ours = Attributes.parse(ByteBuffer.wrap(message), 4).all().stream()
            .map(attribute -> concat(attribute.type(), remaining(attribute.payload()))).toList();
        assertEquals(naive(Arrays.copyOfRange(message, 4, message.length)), ours);
    }

    @Property(tries = 500)
    void garbageIsReadOrRefusedWithBadMessage(@ForAll byte[] garbage) {
        try {
            Attributes.parse(ByteBuffer.wrap(garbage), 0).all().forEach(attribute -> attribute.payload().remaining());
        } catch (NetlinkException e) {
            assertEquals(Errno.EBADMSG, e.errno());
        }
        try {
            Message.parseAll(ByteBuffer.wrap(garbage)).forEach(Message::error);
        } catch (NetlinkException e) {
            assertEquals(Errno.EBADMSG, e.errno());
        }
    }

    @Test
    void theLastOfTwoCountsAndAbsentOnesHaveDefaults() {
        byte[] body = new MessageWriter().attributeU32(7, 1).attributeU32(7, 2).attribute(8, "eth0").attributePort(9, 4789).toBytes();
        Attributes attributes = Attributes.parse(ByteBuffer.wrap(body), 0);
        assertEquals(2, attributes.u32(7, 0));
        assertEquals("eth0", attributes.string(8));
        assertEquals(4789, attributes.port(9, 0));
        assertFalse(attributes.has(10));
        assertEquals(5, attributes.u8(10, 5));
        assertEquals("", attributes.string(10));
        assertEquals(List.of(), attributes.nested(10).all());
    }

    @Test
    void aValueTooShortForItsTypeIsRefused() {
        Attributes attributes = Attributes.parse(ByteBuffer.wrap(new MessageWriter().attributeU8(7, 1).toBytes()), 0);
        assertEquals(Errno.EBADMSG, assertThrows(NetlinkException.class, () -> attributes.u32(7, 0)).errno());
    }

    @Test
    void anAttributeOfMoreThan64KiBIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> new MessageWriter().attribute(1, new byte[65533]));
    }

    @Test
    void errorMessagesCarryTheKernelsWords() {
        byte[] words = new MessageWriter().u32(-22).zeros(Message.HEADER).attribute(1, "Device is busy").toBytes();
        Message capped = new Message(Message.TYPE_ERROR, Message.FLAG_CAPPED | Message.FLAG_ACK_ATTRIBUTES, 1,
            ByteBuffer.wrap(words).order(ByteOrder.nativeOrder()));
        assertEquals(22, capped.error());
        assertEquals("Device is busy", capped.errorText());

        byte[] echoed = new MessageWriter().u32(-22).u32(Message.HEADER + 8).zeros(Message.HEADER - 4 + 8).attribute(1, "again").toBytes();
        assertEquals("again", new Message(Message.TYPE_ERROR, Message.FLAG_ACK_ATTRIBUTES, 1,
            ByteBuffer.wrap(echoed).order(ByteOrder.nativeOrder())).errorText());
    }

    @Test
    void messagesOfOneDatagramAreSeparated() {
        ByteBuffer datagram = ByteBuffer.allocate(100).order(ByteOrder.nativeOrder());
        Message.write(datagram, 16, 5, 1, new byte[] {1, 2, 3});
        Message.write(datagram, 17, 6, 2, new byte[] {4});
        List<Message> messages = Message.parseAll(datagram.flip());
        assertEquals(List.of(16, 17), messages.stream().map(Message::type).toList());
        assertEquals(List.of(3, 1), messages.stream().map(message -> message.body().remaining()).toList());
        assertArrayEquals(new byte[] {4}, new byte[] {messages.get(1).body().get(0)});
    }

    @Provide
    Arbitrary<List<Tree>> trees() {
        return level(3).list().ofMaxSize(5);
    }

    private static Arbitrary<Tree> level(int depth) {
        Arbitrary<Integer> types = Arbitraries.integers().between(1, 0x3fff);
        Arbitrary<Tree> leaf = Combinators.combine(types, Arbitraries.bytes().list().ofMaxSize(40)).as(Tree.Leaf::new);
        return depth == 0 ? leaf
            : Arbitraries.frequencyOf(net.jqwik.api.Tuple.of(3, leaf),
                net.jqwik.api.Tuple.of(1, Combinators.combine(types, level(depth - 1).list().ofMaxSize(4)).as(Tree.Branch::new)));
    }

    private static byte[] message(List<Tree> trees, byte headerByte) {
        MessageWriter writer = new MessageWriter().u8(headerByte).zeros(3);
        trees.forEach(tree -> write(writer, tree));
        return writer.toBytes();
    }

    private static void write(MessageWriter writer, Tree tree) {
        if (tree instanceof Tree.Leaf leaf) {
            writer.attribute(leaf.type(), bytes(leaf.value()));
        } else if (tree instanceof Tree.Branch branch) {
            writer.nested(branch.type(), payload -> branch.children().forEach(child -> write(payload, child)));
        }
    }

    /** Reads in the shape of {@code expected}, since the wire does not tell values from attributes. */
    private static List<Tree> read(Attributes attributes, List<Tree> expected) {
        assertEquals(expected.size(), attributes.all().size());
        List<Tree> trees = new ArrayList<>();
        for (int i = 0; i < expected.size(); i++) {
            Attributes.Attribute attribute = attributes.all().get(i);
            trees.add(expected.get(i) instanceof Tree.Branch branch
                ? new Tree.Branch(attribute.type(), read(Attributes.parse(attribute.payload(), 0), branch.children()))
                : new Tree.Leaf(attribute.type(), remaining(attribute.payload())));
        }
        return trees;
    }

    /** Byte by byte, from the picture in netlink.h: type (2 bytes as a pair) and payload of each. */
    private static List<List<Byte>> naive(byte[] bytes) {
        boolean little = ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN;
        List<List<Byte>> found = new ArrayList<>();
        for (int at = 0; at < bytes.length; ) {
            int first = bytes[at] & 0xff;
            int second = bytes[at + 1] & 0xff;
            int length = little ? first + 256 * second : 256 * first + second;
            int type = little ? (bytes[at + 2] & 0xff) + 256 * (bytes[at + 3] & 0x3f) : 256 * (bytes[at + 2] & 0x3f) + (bytes[at + 3] & 0xff);
            List<Byte> payload = new ArrayList<>();
            for (int i = 4; i < length; i++) {
                payload.add(bytes[at + i]);
            }
            found.add(concat(type, payload));
            while (length % 4 != 0) {
                length++;
            }
            at += length;
        }
        return found;
    }

    private static List<Byte> concat(int type, List<Byte> payload) {
        List<Byte> all = new ArrayList<>(List.of((byte) (type >> 8), (byte) type));
        all.addAll(payload);
        return all;
    }

    private static List<Byte> remaining(ByteBuffer buffer) {
        List<Byte> bytes = new ArrayList<>();
        for (int i = buffer.position(); i < buffer.limit(); i++) {
            bytes.add(buffer.get(i));
        }
        return bytes;
    }

    private static byte[] bytes(List<Byte> list) {
        byte[] bytes = new byte[list.size()];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = list.get(i);
        }
        return bytes;
    }
}
