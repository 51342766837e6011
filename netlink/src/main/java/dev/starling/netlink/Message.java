package dev.starling.netlink;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * One message on the wire.
 *
 * <pre>
 * struct nlmsghdr { u32 nlmsg_len; u16 nlmsg_type; u16 nlmsg_flags; u32 nlmsg_seq; u32 nlmsg_pid; };   // linux/netlink.h
 * </pre>
 *
 * @param body after the header: a C struct and its attributes, in the host's byte order
 */
public record Message(int type, int flags, int sequence, ByteBuffer body) {
    static final int HEADER = 16;

    static final int TYPE_NOOP = 1;
    static final int TYPE_ERROR = 2;
    static final int TYPE_DONE = 3;

    static final int FLAG_REQUEST = 0x1;
    static final int FLAG_ACK = 0x4;
    static final int FLAG_DUMP_INTERRUPTED = 0x10;
    static final int FLAG_DUMP = 0x300;
    /** For requests that make something. */
    public static final int FLAG_REPLACE = 0x100;
    public static final int FLAG_EXCLUSIVE = 0x200;
    public static final int FLAG_CREATE = 0x400;
    public static final int FLAG_APPEND = 0x800;
    /** For error messages. */
    static final int FLAG_CAPPED = 0x100;
    static final int FLAG_ACK_ATTRIBUTES = 0x200;

    /** Appends header, body and padding at the buffer's position. */
    static void write(ByteBuffer buffer, int type, int flags, int sequence, byte[] body) {
        buffer.putInt(HEADER + body.length).putShort((short) type).putShort((short) flags).putInt(sequence).putInt(0);
        buffer.put(body).put(new byte[MessageWriter.align(body.length) - body.length]);
    }

    /**
     * All messages of one datagram.
     *
     * @throws NetlinkException with EBADMSG if a length points outside
     */
    static List<Message> parseAll(ByteBuffer datagram) {
        ByteBuffer rest = datagram.duplicate().order(ByteOrder.nativeOrder());
        List<Message> messages = new ArrayList<>();
        int start = rest.position();
        while (rest.limit() - start >= HEADER) {
            int length = rest.getInt(start);
            if (length < HEADER || length > rest.limit() - start) {
                throw new NetlinkException("parse netlink datagram", Errno.EBADMSG,
                    "message length " + length + " with " + (rest.limit() - start) + " bytes left");
            }
            ByteBuffer body = rest.duplicate().limit(start + length).position(start + HEADER).slice().order(ByteOrder.nativeOrder());
            messages.add(new Message(rest.getShort(start + 4) & 0xffff, rest.getShort(start + 6) & 0xffff, rest.getInt(start + 8), body));
            start += Math.min(MessageWriter.align(length), rest.limit() - start);
        }
        return messages;
    }

    /** The attributes after a C struct of {@code header} bytes. */
    public Attributes attributes(int header) {
        return Attributes.parse(body, header);
    }

    /**
     * What an error or done message says: 0, or the errno.
     *
     * <pre>
     * struct nlmsgerr { int error; struct nlmsghdr msg; };   // then the request's body unless capped, then attributes
     * </pre>
     */
    int error() {
        return body.remaining() < 4 ? 0 : -body.getInt(0);
    }

    /** The kernel's own words about an error ({@code NLMSGERR_ATTR_MSG}), or an empty string. */
    String errorText() {
        if ((flags & FLAG_ACK_ATTRIBUTES) == 0) {
            return "";
        }
        int attributesStart = 4;
        if (type == TYPE_ERROR) {
            int echoed = (flags & FLAG_CAPPED) != 0 ? HEADER : body.getInt(4);
            attributesStart += MessageWriter.align(echoed);
        }
        return Attributes.parse(body, attributesStart).string(1);
    }
}
