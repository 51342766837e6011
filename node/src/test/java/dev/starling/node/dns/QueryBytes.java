package dev.starling.node.dns;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/** Queries and answers written and read byte by byte after RFC 1035, as a second opinion on the server's codec. */
final class QueryBytes {
    static final int A = 1;
    static final int PTR = 12;
    static final int AAAA = 28;
    static final int ANY = 255;

    static byte[] query(int id, String name, int type) {
        return query(id, name, type, 0);
    }

    /** @param ednsPayload 0 for no EDNS record */
    static byte[] query(int id, String name, int type, int ednsPayload) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        shorts(out, id, 0x0100, 1, 0, 0, ednsPayload > 0 ? 1 : 0);
        for (String label : name.isEmpty() ? new String[0] : name.split("\\.")) {
            out.write(label.length());
            out.writeBytes(label.getBytes(StandardCharsets.ISO_8859_1));
        }
        out.write(0);
        shorts(out, type, 1);
        if (ednsPayload > 0) {
            out.write(0);
            shorts(out, 41, ednsPayload, 0, 0, 0);
        }
        return out.toByteArray();
    }

    /** An answer to {@code query} with one A record. */
    static byte[] answer(byte[] query, int... address) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(query[0]);
        out.write(query[1]);
        shorts(out, 0x8180, 1, 1, 0, 0);
        int end = 12;
        while (query[end] != 0) {
            end += query[end] + 1;
        }
        out.write(query, 12, end + 5 - 12);
        shorts(out, 0xc00c, A, 1, 0, 60, 4);
        for (int octet : address) {
            out.write(octet);
        }
        return out.toByteArray();
    }

    static int number(byte[] bytes, int at) {
        return (bytes[at] & 0xff) << 8 | bytes[at + 1] & 0xff;
    }

    static int responseCode(byte[] answer) {
        return answer[3] & 0xf;
    }

    static boolean truncated(byte[] answer) {
        return (answer[2] & 2) != 0;
    }

    private static void shorts(ByteArrayOutputStream out, int... values) {
        for (int value : values) {
            out.write(value >> 8);
            out.write(value);
        }
    }

    private QueryBytes() {}
}
