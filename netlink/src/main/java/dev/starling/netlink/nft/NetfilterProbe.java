package dev.starling.netlink.nft;

import dev.starling.netlink.Errno;
import dev.starling.netlink.NetNs;
import dev.starling.netlink.NetlinkException;
import dev.starling.netlink.NetlinkSocket;
import dev.starling.netlink.Request;
import java.util.ArrayList;
import java.util.List;

/**
 * Asks the kernel for each feature that our rules need, by a batch without an end: the kernel looks at all of it, loads modules, says what it
 * does not know, and takes nothing of it on.
 */
public final class NetfilterProbe {
    private static final String TABLE = "starling-probe";
    private static final String PLAIN = "plain";
    private static final String NAT_IN = "nat-in";
    private static final String NAT_OUT = "nat-out";

    private record Feature(String name, String chain, Rule rule) {}

    private static final List<Feature> FEATURES = List.of(
        new Feature("connection tracking (module nf_conntrack, nft_ct)", PLAIN, Rule.of(Match.knownFlow(), Action.accept())),
        new Feature("address types (module nft_fib_ipv4)", NAT_IN, Rule.of(Match.destinationIsThisHost(), Action.accept())),
        new Feature("random numbers (module nft_numgen)", PLAIN, Rule.of(Match.oneOf(2), Action.accept())),
        new Feature("address translation (module nft_nat)", NAT_IN, Rule.of(Action.destinationNat("192.0.2.1", 1))),
        new Feature("masquerading (module nft_masq)", NAT_OUT, Rule.of(Action.masquerade())));

    /** The features that the kernel of {@code namespace} lacks, in a few words each; empty where all is there. */
    public static List<String> missing(NetNs namespace) {
        List<String> missing = new ArrayList<>();
        try (NetlinkSocket socket = NetlinkSocket.netfilter(namespace)) {
            probe(socket, List.of());
            for (Feature feature : FEATURES) {
                try {
                    probe(socket, List.of(NfTables.addRule(TABLE, feature.chain(), feature.rule())));
                } catch (NetlinkException e) {
                    missing.add(feature.name() + ": " + e.getMessage().replaceFirst("^nft .*]: ", ""));
                }
            }
        } catch (NetlinkException e) {
            return List.of("nf_tables (modules nf_tables, nft_chain_nat): " + e.getMessage());
        }
        return missing;
    }

    private static void probe(NetlinkSocket socket, List<Request> rules) {
        for (int attempt = 0; ; attempt++) {
            List<Request> batch = new ArrayList<>();
            batch.add(NfTables.begin(NfTables.generation(socket.get(NfTables.getGeneration()))));
            batch.add(NfTables.addTable(TABLE));
            batch.add(NfTables.addChain(TABLE, Chain.called(PLAIN, List.of())));
            batch.add(NfTables.addChain(TABLE, Chain.at(NAT_IN, Chain.Hook.destinationNat(), List.of())));
            batch.add(NfTables.addChain(TABLE, Chain.at(NAT_OUT, Chain.Hook.sourceNat(), List.of())));
            batch.addAll(rules);
            try {
                socket.commit(batch, NfTables.getGeneration());
                return;
            } catch (NetlinkException e) {
                if (e.errno() != Errno.ERESTART || attempt > 3) {
                    throw e;
                }
            }
        }
    }

    private NetfilterProbe() {}
}
