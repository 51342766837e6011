package dev.starling.node.dns;

import dev.starling.netlink.AddressText;
import io.netty.handler.codec.dns.DnsRecordType;
import io.netty.handler.codec.dns.DnsResponseCode;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;

/**
 * What to do about a query. Pure.
 *
 * <pre>
 * name                            type       answer
 * known                           A, ANY     its addresses, turned by one each time
 * known                           any other  none, no error (so that a client that asks AAAA first goes on to A)
 * D.C.B.A.in-addr.arpa, known     PTR        the name of A.B.C.D
 * unknown, one label              any        NXDOMAIN: no resolver outside knows our services
 * tasks.NAME, unknown             any        NXDOMAIN
 * any other                       any        whatever the host's resolvers say
 * </pre>
 */
sealed interface Resolution {
    record Answered(Reply reply) implements Resolution {}

    record Forwarded() implements Resolution {}

    int CLASS_IN = 1;
    int OPCODE_QUERY = 0;
    String REVERSE = ".in-addr.arpa";

    /**
     * @param network uid of the network at whose gateway the client asks
     * @param client  its address
     * @param turn    a number that grows with each query
     */
    static Resolution of(Query query, NameTable table, String network, String client, int turn) {
        if (query.opcode() != OPCODE_QUERY) {
            return new Answered(Reply.of(DnsResponseCode.NOTIMP));
        }
        if (query.dnsClass() != CLASS_IN) {
            return new Answered(Reply.of(DnsResponseCode.REFUSED));
        }
        if (query.type() == DnsRecordType.PTR.intValue() && query.name().endsWith(REVERSE)) {
            return pointer(query, table, network, client);
        }
        Optional<List<String>> addresses = table.addresses(network, client, query.name());
        if (addresses.isPresent()) {
            boolean asked = query.type() == DnsRecordType.A.intValue() || query.type() == DnsRecordType.ANY.intValue();
            return new Answered(asked ? addressReply(addresses.get(), turn) : Reply.of(DnsResponseCode.NOERROR));
        }
        return isOurs(query.name()) ? new Answered(Reply.of(DnsResponseCode.NXDOMAIN)) : new Forwarded();
    }

    private static Resolution pointer(Query query, NameTable table, String network, String client) {
        String[] labels = query.name().substring(0, query.name().length() - REVERSE.length()).split("\\.", -1);
        List<String> octets = new ArrayList<>(List.of(labels));
        Collections.reverse(octets);
        return table.name(network, client, String.join(".", octets))
            .<Resolution>map(name -> new Answered(new Reply(DnsResponseCode.NOERROR, List.of(Reply.Answer.pointer(name)))))
            .orElseGet(Forwarded::new);
    }

    private static Reply addressReply(List<String> addresses, int turn) {
        List<String> turned = new ArrayList<>(addresses);
        Collections.rotate(turned, -Math.floorMod(turn, Math.max(1, turned.size())));
        return new Reply(DnsResponseCode.NOERROR, turned.stream().map(AddressText::ipv4).map(Reply.Answer::address).toList());
    }

    private static boolean isOurs(String name) {
        int dot = name.indexOf('.');
        return !name.isEmpty() && (dot < 0 || name.startsWith("tasks.") && name.indexOf('.', dot + 1) < 0);
    }
}
