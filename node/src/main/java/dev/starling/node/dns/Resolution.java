package dev.starling.node.dns;

import dev.starling.netlink.AddressText;
import io.netty.handler.codec.dns.DnsRecordType;
import io.netty.handler.codec.dns.DnsResponseCode;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;

/**
 * What to do about a query. Pure.
 *
 * <pre>
 * name                            type       answer
 * known                           A, AAAA    its addresses of that family, turned by one each time; none is no error, so that a client that
 *                                            asks AAAA first goes on to A
 * known                           ANY        of both families
 * known                           any other  none, no error
 * D.C.B.A.in-addr.arpa, known     PTR        the name of A.B.C.D; likewise of an IPv6 address below ip6.arpa
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
    String REVERSE_IPV6 = ".ip6.arpa";

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
        if (query.type() == DnsRecordType.PTR.intValue() && (query.name().endsWith(REVERSE) || query.name().endsWith(REVERSE_IPV6))) {
            return pointer(query, table, network, client);
        }
        Optional<List<String>> addresses = table.addresses(network, client, query.name());
        if (addresses.isPresent()) {
            boolean any = query.type() == DnsRecordType.ANY.intValue();
            List<String> asked = addresses.get().stream()
                .filter(address -> any || query.type() == (AddressText.isIpv6(address) ? DnsRecordType.AAAA : DnsRecordType.A).intValue()).toList();
            return new Answered(addressReply(asked, turn));
        }
        return isOurs(query.name()) ? new Answered(Reply.of(DnsResponseCode.NXDOMAIN)) : new Forwarded();
    }

    private static Resolution pointer(Query query, NameTable table, String network, String client) {
        return table.name(network, client, reversed(query.name()))
            .<Resolution>map(name -> new Answered(new Reply(DnsResponseCode.NOERROR, List.of(Reply.Answer.pointer(name)))))
            .orElseGet(Forwarded::new);
    }

    /** The address that a name below a reverse domain stands for; something that is none where it stands for none. */
    private static String reversed(String name) {
        boolean ipv6 = name.endsWith(REVERSE_IPV6);
        List<String> labels = new ArrayList<>(List.of(name.substring(0, name.length() - (ipv6 ? REVERSE_IPV6 : REVERSE).length()).split("\\.", -1)));
        Collections.reverse(labels);
        if (!ipv6) {
            return String.join(".", labels);
        }
        String digits = String.join("", labels);
        return labels.size() == 32 && digits.matches("[0-9a-f]{32}") ? AddressText.ipv6(HexFormat.of().parseHex(digits)) : "";
    }

    private static Reply addressReply(List<String> addresses, int turn) {
        List<String> turned = new ArrayList<>(addresses);
        Collections.rotate(turned, -Math.floorMod(turn, Math.max(1, turned.size())));
        return new Reply(DnsResponseCode.NOERROR, turned.stream().map(AddressText::bytes).map(Reply.Answer::address).toList());
    }

    private static boolean isOurs(String name) {
        int dot = name.indexOf('.');
        return !name.isEmpty() && (dot < 0 || name.startsWith("tasks.") && name.indexOf('.', dot + 1) < 0);
    }
}
