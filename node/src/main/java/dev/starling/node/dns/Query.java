package dev.starling.node.dns;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.handler.codec.dns.DnsRecordType;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * A DNS query (RFC 1035, section 4) with one question, as far as answering or relaying needs it.
 *
 * <p>Netty's decoder is not used for the message: it passes names through IDN, which refuses some that are legal, and does not keep the bytes, which are
 * relayed and echoed as they came.
 *
 * @param name       lower case, without the trailing dot; empty for the root. A dot inside a label is written {@code \.}
 * @param type       as in {@link DnsRecordType}
 * @param dnsClass   1 is IN
 * @param payload    bytes of UDP answer that the client takes: 512, or what its EDNS record says (RFC 6891)
 * @param edns       whether it has an EDNS record, so that the answer needs one
 * @param questionEnd where the question ends in {@code wire}; it starts at 12
 * @param wire       the whole query
 */
record Query(String name, int type, int dnsClass, int payload, boolean edns, int questionEnd, byte[] wire) {
    static final int HEADER = 12;
    static final int CLASSIC_PAYLOAD = 512;
    private static final int MAX_NAME = 255;
    private static final int MAX_RECORDS = 64;
    private static final int FLAG_RESPONSE = 0x8000;

    /** @throws MalformedQueryException whatever else the bytes are */
    static Query parse(byte[] wire) {
        ByteBuf in = Unpooled.wrappedBuffer(wire);
        if (wire.length < HEADER) {
            throw new MalformedQueryException("shorter than a header");
        }
        if ((in.getUnsignedShort(2) & FLAG_RESPONSE) != 0) {
            throw new MalformedQueryException("a response");
        }
        if (in.getUnsignedShort(4) != 1) {
            throw new MalformedQueryException("not one question");
        }
        int records = in.getUnsignedShort(6) + in.getUnsignedShort(8) + in.getUnsignedShort(10);
        if (records > MAX_RECORDS) {
            throw new MalformedQueryException(records + " records in a query");
        }
        try {
            in.readerIndex(HEADER);
            String name = readName(in);
            int type = in.readUnsignedShort();
            int dnsClass = in.readUnsignedShort();
            int questionEnd = in.readerIndex();
            int payload = CLASSIC_PAYLOAD;
            boolean edns = false;
            for (int i = 0; i < records; i++) {
                skipName(in);
                int recordType = in.readUnsignedShort();
                int recordClass = in.readUnsignedShort();
                in.skipBytes(4).skipBytes(in.readUnsignedShort());
                if (recordType == DnsRecordType.OPT.intValue()) {
                    edns = true;
                    payload = Math.max(CLASSIC_PAYLOAD, recordClass);
                }
            }
            return new Query(name, type, dnsClass, payload, edns, questionEnd, wire);
        } catch (IndexOutOfBoundsException e) {
            throw new MalformedQueryException("ends too early");
        }
    }

    int id() {
        return (wire[0] & 0xff) << 8 | wire[1] & 0xff;
    }

    /** 0 is a standard query. */
    int opcode() {
        return wire[2] >> 3 & 0xf;
    }

    boolean recursionDesired() {
        return (wire[2] & 1) != 0;
    }

    byte[] question() {
        return Arrays.copyOfRange(wire, HEADER, questionEnd);
    }

    private static String readName(ByteBuf in) {
        StringBuilder name = new StringBuilder();
        int start = in.readerIndex();
        for (int length = in.readUnsignedByte(); length != 0; length = in.readUnsignedByte()) {
            if (length > 63) {
                throw new MalformedQueryException("a question's name has nothing to point back to");
            }
            String label = in.readCharSequence(length, StandardCharsets.ISO_8859_1).toString();
            name.append(name.length() == 0 ? "" : ".").append(label.replace(".", "\\."));
            if (in.readerIndex() - start > MAX_NAME) {
                throw new MalformedQueryException("name longer than " + MAX_NAME);
            }
        }
        return asciiLowerCase(name);
    }

    private static String asciiLowerCase(StringBuilder name) {
        for (int i = 0; i < name.length(); i++) {
            char c = name.charAt(i);
            if (c >= 'A' && c <= 'Z') {
                name.setCharAt(i, (char) (c + 32));
            }
        }
        return name.toString();
    }

    private static void skipName(ByteBuf in) {
        for (int length = in.readUnsignedByte(); length != 0; length = in.readUnsignedByte()) {
            if (length >= 0xc0) {
                in.skipBytes(1);
                return;
            }
            in.skipBytes(length);
        }
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Query query && Arrays.equals(wire, query.wire);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(wire);
    }
}
