package dev.starling.netlink;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.function.Consumer;

/**
 * Writes the body of a netlink message: a fixed C struct, then attributes.
 *
 * <pre>
 * struct nlattr { u16 nla_len; u16 nla_type; };   // include/uapi/linux/netlink.h
 * | nla_len (header + payload) | nla_type | payload | 0..3 bytes padding, not in nla_len |
 * </pre>
 *
 * Integers are in the host's byte order, as rtnetlink wants them; netfilter wants its own in network byte order. Nested attributes go without
 * {@code NLA_F_NESTED}, as iproute2 sends them (rtnetlink of all kernels takes that), or with it ({@link #nest}), as nft does.
 */
public final class MessageWriter {
    static final int ATTRIBUTE_HEADER = 4;
    private static final int MAX_ATTRIBUTE = 0xffff;
    private static final int NLA_F_NESTED = 0x8000;

    private ByteBuffer buffer = ByteBuffer.allocate(128).order(ByteOrder.nativeOrder());

    /** Lengths are padded to 4 bytes everywhere in netlink. */
    static int align(int length) {
        return (length + 3) & ~3;
    }

    public MessageWriter u8(int value) {
        room(1).put((byte) value);
        return this;
    }

    public MessageWriter u16(int value) {
        room(2).putShort((short) value);
        return this;
    }

    public MessageWriter u32(int value) {
        room(4).putInt(value);
        return this;
    }

    public MessageWriter zeros(int count) {
        room(count).put(new byte[count]);
        return this;
    }

    public MessageWriter attribute(int type, byte[] value) {
        return nested(type, payload -> payload.room(value.length).put(value));
    }

    public MessageWriter attributeU8(int type, int value) {
        return nested(type, payload -> payload.u8(value));
    }

    public MessageWriter attributeU32(int type, int value) {
        return nested(type, payload -> payload.u32(value));
    }

    /** In network byte order. */
    public MessageWriter attributeBe32(int type, int value) {
        return attribute(type, ByteBuffer.allocate(4).putInt(value).array());
    }

    /** A port number is the one integer that rtnetlink takes in network byte order. */
    public MessageWriter attributePort(int type, int port) {
        return attribute(type, new byte[] {(byte) (port >> 8), (byte) port});
    }

    /** NUL-terminated. */
    public MessageWriter attribute(int type, String value) {
        byte[] text = value.getBytes(StandardCharsets.UTF_8);
        return attribute(type, Arrays.copyOf(text, text.length + 1));
    }

    /** An attribute whose payload is whatever {@code body} writes: attributes, or a struct and attributes. */
    public MessageWriter nested(int type, Consumer<MessageWriter> body) {
        int start = buffer.position();
        u16(0).u16(type);
        body.accept(this);
        int length = buffer.position() - start;
        if (length > MAX_ATTRIBUTE) {
            throw new IllegalArgumentException("netlink attribute " + type + " has " + length + " bytes, its length field holds " + MAX_ATTRIBUTE);
        }
        buffer.putShort(start, (short) length);
        return zeros(align(length) - length);
    }

    /** The same, marked as nested. */
    public MessageWriter nest(int type, Consumer<MessageWriter> body) {
        return nested(type | NLA_F_NESTED, body);
    }

    public byte[] toBytes() {
        return Arrays.copyOf(buffer.array(), buffer.position());
    }

    private ByteBuffer room(int count) {
        if (buffer.remaining() < count) {
            int capacity = Math.max(buffer.capacity() * 2, buffer.position() + count);
            ByteBuffer larger = ByteBuffer.allocate(capacity).order(ByteOrder.nativeOrder());
            buffer = larger.put(buffer.flip());
        }
        return buffer;
    }
}
