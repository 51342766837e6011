package dev.starling.netlink.nft;

import dev.starling.netlink.Errno;
import dev.starling.netlink.NetNs;
import dev.starling.netlink.NetlinkException;
import dev.starling.netlink.NetlinkSocket;
import dev.starling.netlink.Request;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Asks the kernel for each feature that our rules need, by a batch without an end: the kernel looks at all of it, loads modules, says what it
 * does not know, and takes nothing of it on.
 */
public final class NetfilterProbe {
    private static final String TABLE = "starling-probe";
    private static final String PLAIN = "plain";
    private static final String NAT_IN = "nat-in";
    private static final String NAT_OUT = "nat-out";
    private static final String NAT_TO = "nat-to";

    private static final NamedSet NUMBERS = NamedSet.of("numbers", NamedSet.Type.addressOfNumber(Family.IPV4, 2),
        List.of(NamedSet.Element.of(Data.number(0), Data.address("192.0.2.1"))));
    private static final NamedSet PORTS = NamedSet.of("ports", NamedSet.Type.VERDICT_OF_PORT,
        List.of(NamedSet.Element.moveTo(Data.concatenated(Data.octet(6), Data.port(80)), NAT_TO)));

    private record Feature(String name, Optional<NamedSet> set, String chain, Rule rule) {
        Feature(String name, String chain, Rule rule) {
            this(name, Optional.empty(), chain, rule);
        }

        List<Request> requests(TableName table) {
            List<Request> requests = new ArrayList<>();
            set.ifPresent(needed -> {
                requests.add(NfSets.add(table, needed, 1));
                requests.addAll(NfSets.addElements(table, needed.name(), List.copyOf(needed.elements())));
            });
            requests.add(NfTables.addRule(table, chain, rule));
            return requests;
        }
    }

    private static final List<Feature> FEATURES = List.of(
        new Feature("connection tracking (module nf_conntrack, nft_ct)", PLAIN, Rule.of(Match.knownFlow(), Action.accept())),
        new Feature("packets that are not tracked (module nft_ct)", PLAIN, Rule.of(Action.untracked())),
        new Feature("address types (module nft_fib_ipv4)", NAT_IN, Rule.of(Match.destinationIsThisHost(), Action.accept())),
        new Feature("random numbers (module nft_numgen)", PLAIN, Rule.of(Match.oneOf(2), Action.accept())),
        new Feature("address translation (module nft_nat)", NAT_IN, Rule.of(Action.destinationNat("192.0.2.1", 1))),
        new Feature("verdict maps (option NF_TABLES with sets)", Optional.of(PORTS), NAT_IN, Rule.of(Action.byDestinationPort(PORTS.name()))),
        new Feature("masquerading (module nft_masq)", NAT_OUT, Rule.of(Action.masquerade())));

    private static final Feature HASHES = new Feature("hashes of addresses (module nft_hash)", Optional.of(NUMBERS), NAT_IN,
        Rule.of(Action.destinationNatBySource(Family.IPV4, 2, 1, NUMBERS.name(), false)));

    /** What rules for IPv6 need and those for IPv4 do not. */
    private static final List<Feature> OF_IPV6 = List.of(
        new Feature("address types of IPv6 (module nft_fib_ipv6)", NAT_IN, Rule.of(Match.destinationIsThisHost(), Action.accept())),
        new Feature("address translation of IPv6 (module nf_nat with IPv6)", NAT_IN, Rule.of(Action.destinationNat("2001:db8::1", 1))),
        new Feature("masquerading of IPv6 (module nft_masq)", NAT_OUT, Rule.of(Action.masquerade())));

    /** What the rules for IPv6 lack, in a few words; empty where all is there. */
    public static Optional<String> missingForIpv6(NetNs namespace) {
        try (NetlinkSocket socket = NetlinkSocket.netfilter(namespace)) {
            return OF_IPV6.stream().flatMap(feature -> lacks(socket, Family.IPV6, feature).stream()).findFirst();
        } catch (NetlinkException e) {
            return Optional.of("nf_tables for IPv6: " + e.getMessage());
        }
    }

    /** What a choice by the client's address needs beyond that; empty where it is there. */
    public static Optional<String> missingForAffinity(NetNs namespace) {
        try (NetlinkSocket socket = NetlinkSocket.netfilter(namespace)) {
            return lacks(socket, Family.IPV4, HASHES);
        } catch (NetlinkException e) {
            return Optional.of(HASHES.name() + ": " + e.getMessage());
        }
    }

    private static Optional<String> lacks(NetlinkSocket socket, Family family, Feature feature) {
        try {
            TableName table = new TableName(family, TABLE);
            probe(socket, table, feature.requests(table));
            return Optional.empty();
        } catch (NetlinkException e) {
            return Optional.of(feature.name() + ": " + e.getMessage().replaceFirst("^nft .*]: ", ""));
        }
    }

    /** The features that the kernel of {@code namespace} lacks, in a few words each; empty where all is there. */
    public static List<String> missing(NetNs namespace) {
        List<String> missing = new ArrayList<>();
        try (NetlinkSocket socket = NetlinkSocket.netfilter(namespace)) {
            probe(socket, new TableName(Family.IPV4, TABLE), List.of());
            for (Feature feature : FEATURES) {
                lacks(socket, Family.IPV4, feature).ifPresent(missing::add);
            }
        } catch (NetlinkException e) {
            return List.of("nf_tables (modules nf_tables, nft_chain_nat): " + e.getMessage());
        }
        return missing;
    }

    private static void probe(NetlinkSocket socket, TableName table, List<Request> rules) {
        for (int attempt = 0; ; attempt++) {
            List<Request> batch = new ArrayList<>();
            batch.add(NfTables.begin(NfTables.generation(socket.get(NfTables.getGeneration()))));
            batch.add(NfTables.addTable(table));
            batch.add(NfTables.addChain(table, Chain.called(PLAIN, List.of())));
            batch.add(NfTables.addChain(table, Chain.called(NAT_TO, List.of())));
            batch.add(NfTables.addChain(table, Chain.at(NAT_IN, Chain.Hook.destinationNat(), List.of())));
            batch.add(NfTables.addChain(table, Chain.at(NAT_OUT, Chain.Hook.sourceNat(), List.of())));
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
