package dev.starling.netlink;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * The attributes of a received message (layout: {@link MessageWriter}). What is absent reads as the given default, as an empty array or as
 * no attributes, so that readers of optional attributes need no branches. Where a type comes twice the last one counts, as in the kernel.
 */
public final class Attributes {
    /** One attribute; {@code type} without the flag bits. */
    public record Attribute(int type, ByteBuffer payload) {}

    private static final int TYPE_MASK = 0x3fff; // without NLA_F_NESTED and NLA_F_NET_BYTEORDER

    private final List<Attribute> attributes;

    private Attributes(List<Attribute> attributes) {
        this.attributes = attributes;
    }

    /**
     * @param body   of a message or of a nested attribute
     * @param header length of the C struct before the attributes
     * @throws NetlinkException with EBADMSG if a length points outside
     */
    public static Attributes parse(ByteBuffer body, int header) {
        ByteBuffer rest = body.duplicate().order(ByteOrder.nativeOrder());
        int start = rest.position() + MessageWriter.align(header);
        List<Attribute> found = new ArrayList<>();
        while (rest.limit() - start >= MessageWriter.ATTRIBUTE_HEADER) {
            int length = rest.getShort(start) & 0xffff;
            if (length < MessageWriter.ATTRIBUTE_HEADER || length > rest.limit() - start) {
                throw new NetlinkException("parse attributes", Errno.EBADMSG,
                    "attribute length " + length + " with " + (rest.limit() - start) + " bytes left");
            }
            int type = rest.getShort(start + 2) & TYPE_MASK;
            int payload = start + MessageWriter.ATTRIBUTE_HEADER;
            found.add(new Attribute(type, slice(rest, payload, start + length)));
            start += MessageWriter.align(length);
        }
        return new Attributes(Collections.unmodifiableList(found));
    }

    public List<Attribute> all() {
        return attributes;
    }

    public boolean has(int type) {
        return find(type) != null;
    }

    public int u8(int type, int absent) {
        ByteBuffer payload = find(type);
        return payload == null ? absent : sized(type, payload, 1).get(payload.position()) & 0xff;
    }

    public int u32(int type, int absent) {
        ByteBuffer payload = find(type);
        return payload == null ? absent : sized(type, payload, 4).getInt(payload.position());
    }

    /** In network byte order. */
    public int be32(int type, int absent) {
        ByteBuffer payload = find(type);
        return payload == null ? absent : sized(type, payload, 4).duplicate().order(ByteOrder.BIG_ENDIAN).getInt();
    }

    /** A big-endian 16-bit number. */
    public int port(int type, int absent) {
        ByteBuffer payload = find(type);
        return payload == null ? absent : sized(type, payload, 2).duplicate().order(ByteOrder.BIG_ENDIAN).getShort() & 0xffff;
    }

    public byte[] bytes(int type) {
        ByteBuffer payload = find(type);
        if (payload == null) {
            return new byte[0];
        }
        byte[] copy = new byte[payload.remaining()];
        payload.duplicate().get(copy);
        return copy;
    }

    /** Up to the first NUL. */
    public String string(int type) {
        byte[] bytes = bytes(type);
        int end = 0;
        while (end < bytes.length && bytes[end] != 0) {
            end++;
        }
        return new String(bytes, 0, end, StandardCharsets.UTF_8);
    }

    public Attributes nested(int type) {
        ByteBuffer payload = find(type);
        return payload == null ? new Attributes(List.of()) : parse(payload, 0);
    }

    private ByteBuffer find(int type) {
        for (int i = attributes.size() - 1; i >= 0; i--) {
            if (attributes.get(i).type() == type) {
                return attributes.get(i).payload();
            }
        }
        return null;
    }

    private static ByteBuffer sized(int type, ByteBuffer payload, int least) {
        if (payload.remaining() < least) {
            throw new NetlinkException("read attribute " + type, Errno.EBADMSG, payload.remaining() + " bytes where " + least + " are needed");
        }
        return payload;
    }

    private static ByteBuffer slice(ByteBuffer source, int from, int to) {
        return source.duplicate().limit(to).position(from).slice().order(ByteOrder.nativeOrder());
    }
}
