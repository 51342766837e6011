package dev.starling.node.dns;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.handler.codec.dns.DnsResponseCode;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class QueryTest {
    @Property(tries = 300)
    void whatIsWrittenIsRead(@ForAll @IntRange(max = 0xffff) int id, @ForAll("names") String name, @ForAll @IntRange(max = 0xffff) int type, @ForAll boolean edns) {
        byte[] wire = QueryBytes.query(id, name, type, edns ? 4096 : 0);
        Query query = Query.parse(wire);
        assertEquals(List.of(id, name.toLowerCase(Locale.ROOT), type, edns, edns ? 4096 : 512),
            List.of(query.id(), query.name(), query.type(), query.edns(), query.payload()));
        assertTrue(query.recursionDesired());
        assertArrayEquals(Arrays.copyOfRange(wire, 12, query.questionEnd()), query.question());
    }

    @Property(tries = 1000)
    void garbageIsAQueryOrMalformed(@ForAll @Size(max = 80) byte[] garbage) {
        parseOrRefuse(garbage);
    }

    @Property(tries = 500)
    void damagedQueriesAreQueriesOrMalformed(@ForAll("names") String name, @ForAll @IntRange(max = 60) int at, @ForAll byte value, @ForAll @IntRange(max = 60) int length) {
        byte[] wire = QueryBytes.query(1, name, QueryBytes.A, 1232);
        wire[Math.min(at, wire.length - 1)] = value;
        parseOrRefuse(Arrays.copyOf(wire, Math.min(length, wire.length)));
        parseOrRefuse(wire);
    }

    @Property(tries = 200)
    void repliesNeverExceedTheirLimit(@ForAll @IntRange(max = 300) int answers, @ForAll @IntRange(min = 512, max = 1232) int limit, @ForAll boolean edns) {
        Query query = Query.parse(QueryBytes.query(7, "tasks.web", QueryBytes.A, edns ? limit : 0));
        byte[] reply = new Reply(DnsResponseCode.NOERROR, Collections.nCopies(answers, Reply.Answer.address(new byte[] {10, 0, 0, 2}))).encode(query, 2, limit);
        assertTrue(reply.length <= limit);
        assertEquals(QueryBytes.number(reply, 6) < answers, QueryBytes.truncated(reply));
        int expectedLength = 12 + query.question().length + 16 * QueryBytes.number(reply, 6) + (edns ? 11 : 0);
        assertEquals(expectedLength, reply.length);
    }

    @Test
    void whatIsNotAQueryIsNamed() {
        byte[] response = QueryBytes.answer(QueryBytes.query(1, "a", QueryBytes.A), 1, 2, 3, 4);
        assertEquals("a response", assertThrows(MalformedQueryException.class, () -> Query.parse(response)).getMessage());
        byte[] pointing = QueryBytes.query(1, "a", QueryBytes.A);
        pointing[12] = (byte) 0xc0;
        assertThrows(MalformedQueryException.class, () -> Query.parse(pointing));
    }

    @Test
    void aDotInsideALabelIsNotASeparator() {
        byte[] wire = QueryBytes.query(1, "webXdb", QueryBytes.A);
        wire[16] = '.';
        assertEquals("web\\.db", Query.parse(wire).name());
    }

    private static void parseOrRefuse(byte[] wire) {
        try {
            Query query = Query.parse(wire);
            Resolution.of(query, NameTable.empty(), "net", "10.0.0.2", 0);
            Reply.of(DnsResponseCode.SERVFAIL).encode(query, 0, 512);
        } catch (MalformedQueryException expected) {
            assertTrue(expected.getMessage().length() > 0);
        }
    }

    @Provide
    Arbitrary<String> names() {
        Arbitrary<String> label = Arbitraries.strings().withChars("abcXYZ019-_").ofMinLength(1).ofMaxLength(20);
        return label.list().ofMaxSize(5).map(labels -> String.join(".", labels));
    }
}
