package dev.starling.node.dns;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.handler.codec.dns.DnsRecordType;
import io.netty.handler.codec.dns.DnsResponseCode;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/** Our own answer to a query: a response code and records of the name asked for. */
record Reply(DnsResponseCode code, List<Answer> answers) {
    /** @param data as it goes on the wire: four bytes for A, sixteen for AAAA, a name for PTR */
    record Answer(DnsRecordType type, byte[] data) {
        static Answer address(byte[] address) {
            return new Answer(address.length == 16 ? DnsRecordType.AAAA : DnsRecordType.A, address);
        }

        static Answer pointer(String name) {
            ByteBuf data = Unpooled.buffer();
            for (String label : name.split("\\.")) {
                byte[] bytes = label.getBytes(StandardCharsets.ISO_8859_1);
                data.writeByte(bytes.length).writeBytes(bytes);
            }
            data.writeByte(0);
            return new Answer(DnsRecordType.PTR, Arrays.copyOf(data.array(), data.readableBytes()));
        }
    }

    private static final int RESPONSE = 0x8000;
    private static final int AUTHORITATIVE = 0x0400;
    private static final int TRUNCATED = 0x0200;
    private static final int RECURSION_DESIRED = 0x0100;
    private static final int RECURSION_AVAILABLE = 0x0080;
    private static final int POINTER_TO_QUESTION = 0xc000 | Query.HEADER;
    private static final int ANSWER_HEADER = 12;
    private static final int EDNS_RECORD = 11;
    /** What we take and send by UDP: fits any path's MTU (DNS flag day 2020). */
    static final int UDP_PAYLOAD = 1232;

    static Reply of(DnsResponseCode code) {
        return new Reply(code, List.of());
    }

    /** @param limit bytes; where not all answers fit, those that do go with the mark that tells the client to ask again by TCP */
    byte[] encode(Query query, int timeToLiveSeconds, int limit) {
        ByteBuf out = Unpooled.buffer();
        byte[] question = query.question();
        int room = limit - Query.HEADER - question.length - (query.edns() ? EDNS_RECORD : 0);
        int count = 0;
        for (Answer answer : answers) {
            room -= ANSWER_HEADER + answer.data().length;
            if (room < 0) {
                break;
            }
            count++;
        }
        int flags = RESPONSE | query.opcode() << 11 | AUTHORITATIVE | (count < answers.size() ? TRUNCATED : 0)
            | (query.recursionDesired() ? RECURSION_DESIRED : 0) | RECURSION_AVAILABLE | code.intValue() & 0xf;
        out.writeShort(query.id()).writeShort(flags).writeShort(1).writeShort(count).writeShort(0).writeShort(query.edns() ? 1 : 0);
        out.writeBytes(question);
        for (Answer answer : answers.subList(0, count)) {
            out.writeShort(POINTER_TO_QUESTION).writeShort(answer.type().intValue()).writeShort(1).writeInt(timeToLiveSeconds)
                .writeShort(answer.data().length).writeBytes(answer.data());
        }
        if (query.edns()) {
            out.writeByte(0).writeShort(DnsRecordType.OPT.intValue()).writeShort(UDP_PAYLOAD).writeInt(0).writeShort(0);
        }
        return Arrays.copyOf(out.array(), out.readableBytes());
    }
}
