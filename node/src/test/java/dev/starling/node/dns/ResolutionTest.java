package dev.starling.node.dns;

import static dev.starling.node.dns.QueryBytes.A;
import static dev.starling.node.dns.QueryBytes.AAAA;
import static dev.starling.node.dns.QueryBytes.ANY;
import static dev.starling.node.dns.QueryBytes.PTR;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.starling.netlink.AddressText;
import io.netty.handler.codec.dns.DnsResponseCode;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class ResolutionTest {
    private static final NameTable TABLE = NameTable.of(Map.of(
        "front", Map.of("Web", List.of("10.0.1.9"), "tasks.web", List.of("10.0.1.2", "10.0.1.3", "10.0.1.4"), "web.1.abc", List.of("10.0.1.2"), "idle", List.of()),
        "six", Map.of("web", List.of("10.0.6.9", "fd00:6::2"), "web.1.abc", List.of("10.0.6.2", "fd00:6::2")),
        "back", Map.of("db", List.of("10.0.2.9"), "web", List.of("10.0.2.5"))),
        Map.of("front", Map.of("10.0.1.2", List.of("front", "back"))));

    static Stream<Arguments> table() {
        return Stream.of(
            Arguments.of("front", "10.0.1.7", "web", A, "NoError [10.0.1.9]"),
            Arguments.of("front", "10.0.1.7", "WEB", ANY, "NoError [10.0.1.9]"),
            Arguments.of("front", "10.0.1.7", "web", AAAA, "NoError []"),
            Arguments.of("six", "10.0.6.7", "web", A, "NoError [10.0.6.9]"),
            Arguments.of("six", "10.0.6.7", "web", AAAA, "NoError [fd00:6::2]"),
            Arguments.of("six", "10.0.6.7", "web", ANY, "NoError [10.0.6.9, fd00:6::2]"),
            Arguments.of("front", "10.0.1.7", "2.0.0.0.ip6.arpa", PTR, "forwarded"),
            Arguments.of("front", "10.0.1.7", "web", 65, "NoError []"),
            Arguments.of("front", "10.0.1.7", "idle", A, "NoError []"),
            Arguments.of("front", "10.0.1.7", "web.1.abc", A, "NoError [10.0.1.2]"),
            Arguments.of("front", "10.0.1.7", "db", A, "NXDomain []"),
            Arguments.of("front", "10.0.1.2", "db", A, "NoError [10.0.2.9]"),
            Arguments.of("front", "10.0.1.2", "web", A, "NoError [10.0.1.9]"),
            Arguments.of("back", "10.0.2.5", "web", A, "NoError [10.0.2.5]"),
            Arguments.of("gone", "10.0.9.2", "web", A, "NXDomain []"),
            Arguments.of("front", "10.0.1.7", "nobody", AAAA, "NXDomain []"),
            Arguments.of("front", "10.0.1.7", "tasks.nobody", A, "NXDomain []"),
            Arguments.of("front", "10.0.1.7", "tasks.example.org", A, "forwarded"),
            Arguments.of("front", "10.0.1.7", "example.org", A, "forwarded"),
            Arguments.of("front", "10.0.1.7", "", 2, "forwarded"),
            Arguments.of("front", "10.0.1.7", "1.1.0.10.in-addr.arpa", PTR, "forwarded"),
            Arguments.of("front", "10.0.1.7", "in-addr.arpa", PTR, "forwarded"));
    }

    @ParameterizedTest
    @MethodSource("table")
    void answers(String network, String client, String name, int type, String expected) {
        Resolution resolution = resolve(network, client, name, type, 0);
        assertEquals(expected, resolution instanceof Resolution.Answered known
            ? known.reply().code().toString().replaceAll("\\(\\d+\\)", "") + " " + addresses(known)
            : "forwarded");
    }

    @Test
    void answersTurnSoThatEachTaskComesFirst() {
        List<String> firsts = IntStream.range(0, 3)
            .mapToObj(turn -> addresses(assertInstanceOf(Resolution.Answered.class, resolve("front", "10.0.1.7", "tasks.web", A, turn))).get(0)).toList();
        assertEquals(List.of("10.0.1.2", "10.0.1.3", "10.0.1.4"), firsts);
        assertInstanceOf(Resolution.Answered.class, resolve("front", "10.0.1.7", "tasks.web", A, Integer.MIN_VALUE));
    }

    @Test
    void anAddressHasItsTasksName() {
        Resolution.Answered known = assertInstanceOf(Resolution.Answered.class, resolve("front", "10.0.1.7", "2.1.0.10.in-addr.arpa", PTR, 0));
        assertEquals(List.of("\3web\0011\3abc\0"), known.reply().answers().stream().map(answer -> new String(answer.data(), StandardCharsets.ISO_8859_1)).toList());
    }

    @Test
    void otherClassesAndOperationsAreRefused() {
        byte[] chaos = QueryBytes.query(1, "version", 16);
        chaos[chaos.length - 1] = 3;
        assertEquals(new Resolution.Answered(Reply.of(DnsResponseCode.REFUSED)), Resolution.of(Query.parse(chaos), TABLE, "front", "10.0.1.7", 0));
        byte[] update = QueryBytes.query(1, "web", A);
        update[2] |= 5 << 3;
        assertEquals(new Resolution.Answered(Reply.of(DnsResponseCode.NOTIMP)), Resolution.of(Query.parse(update), TABLE, "front", "10.0.1.7", 0));
    }

    @Test
    void aTableTakesOnlyAddresses() {
        assertThrows(IllegalArgumentException.class, () -> NameTable.of(Map.of("n", Map.of("web", List.of("10.0.1"))), Map.of()));
    }

    @Test
    void resolvConfIsReadAsItsManualSays() {
        assertEquals(List.of("192.0.2.1:53", "2001:db8:0:0:0:0:0:1:53", "127.0.0.53:53"),
            ResolvConf.parse(List.of("# comment", "search example.org", "nameserver 192.0.2.1", "  nameserver\t2001:db8::1 ", "nameserver not-an-address",
                "nameserver 127.0.0.53", "nameserver 192.0.2.4")).stream().map(server -> server.getAddress().getHostAddress() + ":" + server.getPort()).toList());
    }

    private static Resolution resolve(String network, String client, String name, int type, int turn) {
        return Resolution.of(Query.parse(QueryBytes.query(1, name, type)), TABLE, network, client, turn);
    }

    private static List<String> addresses(Resolution.Answered known) {
        return known.reply().answers().stream().map(answer -> AddressText.text(answer.data())).toList();
    }
}
