package dev.starling.netlink.balance;

import dev.starling.netlink.nft.Action;
import dev.starling.netlink.nft.Chain;
import dev.starling.netlink.nft.Chain.Hook;
import dev.starling.netlink.nft.Data;
import dev.starling.netlink.nft.Family;
import dev.starling.netlink.nft.Match;
import dev.starling.netlink.nft.NamedSet;
import dev.starling.netlink.nft.NamedSet.Element;
import dev.starling.netlink.nft.Rule;
import dev.starling.netlink.nft.Table;
import dev.starling.netlink.nft.Transport;
import dev.starling.netlink.overlay.NetlinkOverlay;
import dev.starling.netlink.xfrm.VxlanEncryption;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The rules of a host, as a table; pure. In nft's words, for a port 8080 with a local task 10.255.0.18 and a remote one, on a host that is
 * 10.255.0.17 in the ingress network:
 *
 * <pre>
 * map ports         { type inet_proto . inet_service : verdict;  elements = { tcp . 8080 : goto tcp-8080 } }
 * set local         { type ipv4_addr;  elements = { 10.255.0.18 } }
 * set internal      { type ifname;  elements = { "sb-internal" } }
 * set subnets-24    { type ipv4_addr;  elements = { 10.0.1.0 } }          one for each length of a prefix
 *
 * chain guard       { type filter hook prerouting priority -300;  ip daddr 127.0.0.0/8 iifname "sb-*" drop
 *                                                                 udp dport 4789 fib daddr type local notrack }   and 7947
 * chain tunnels     { type filter hook output priority -300;      udp dport 4789 notrack }                        and 7947
 * chain prerouting  { type nat hook prerouting priority dstnat;   iifname "sb-*" fib daddr . iif type local return
 *                                                                 fib daddr type local jump published }
 * chain output      { type nat hook output priority dstnat;       fib daddr type local jump published }
 * chain published   { meta l4proto . th dport vmap @ports }
 * chain tcp-8080    { numgen random mod 2 == 0 dnat to 10.255.0.18:80
 *                     dnat to 10.255.0.34:80 }                            see ServiceRules
 * chain postrouting { type nat hook postrouting priority srcnat;  oifname "sb-ingress000" ct status dnat goto ingress
 *                                                                 oifname "sb-*" return
 *                                                                 ip saddr & 255.255.255.0 @subnets-24 masquerade }
 * chain ingress     { ip saddr 127.0.0.0/8 snat to 10.255.0.17
 *                     ip saddr & 255.255.255.0 @subnets-24 snat to 10.255.0.17     clients that are containers of this host
 *                     ip daddr @local accept                              a local task sees who calls
 *                     snat to 10.255.0.17 }                               a remote one answers to this host
 * chain forward     { type filter hook forward priority filter;   ct status dnat accept
 *                     iifname @internal drop
 *                     ct state established,related accept
 *                     oifname "sb-*" drop }                               networks do not meet by way of the host
 * </pre>
 *
 * However many services and networks there are, a packet passes the same few rules. The subnets are sets of prefixes, not of ranges: two sides of
 * a partition may give networks subnets that overlap, and ranges must not. Internal networks are among them, for nothing from there gets past
 * {@code forward}. What goes through the tunnels is not tracked: no rule asks for its state, it never has an answer by the same ports, and each packet
 * of an overlay is one of these. The guard is there because local connections to 127.0.0.1 need {@code route_localnet} on the ingress bridge, which by
 * itself would let containers reach what listens on the host's loopback only. IPv6 has the same rules without the drop: the kernel knows no such switch. Link-local
 * addresses publish nothing there, for nothing from one may be forwarded. The gateway's own address is no published port: its port 53 is the name server.
 */
final class HostTable {
    private static final String BRIDGES = "sb-";
    /** UDP ports of the nodes' tunnels. */
    private static final List<Integer> TUNNELS = List.of(NetlinkOverlay.VXLAN_PORT, VxlanEncryption.PORT);
    private static final String PORTS = "ports";
    private static final String LOCAL = "local";
    private static final String INTERNAL = "internal";
    private static final String SUBNETS = "subnets-";
    private static final String PUBLISHED = "published";
    private static final String INGRESS = "ingress";
    private static final String LOOPBACK = "127.0.0.0/8";
    private static final String LOOPBACK_IPV6 = "::1/128";
    private static final String LINK_LOCAL = "fe80::/10";

    static Table of(Family family, HostNetworks host, ServiceRules.Memory memory) {
        List<Chain> chains = new ArrayList<>();
        List<NamedSet> sets = new ArrayList<>();
        List<Rule> arriving = new ArrayList<>();
        chains.add(Chain.at("guard", Hook.beforeConntrack(), guard(family)));
        chains.add(Chain.at("tunnels", Hook.beforeConntrackOfOwnTraffic(),
            TUNNELS.stream().map(port -> Rule.of(Match.destinationPort(Transport.UDP, port), Action.untracked())).toList()));
        if (family == Family.IPV6) {
            arriving.add(Rule.of(Match.destination(LINK_LOCAL), Action.leave()));
        }
        arriving.add(Rule.of(Match.inputDevices(BRIDGES), Match.destinationIsInputDevice(), Action.leave()));
        arriving.add(Rule.of(Match.destinationIsThisHost(), Action.jump(PUBLISHED)));
        chains.add(Chain.at("prerouting", Hook.destinationNat(), arriving));
        chains.add(Chain.at("output", Hook.destinationNatOfOwnTraffic(), List.of(Rule.of(Match.destinationIsThisHost(), Action.jump(PUBLISHED)))));
        publish(family, host, memory, chains, sets);
        SortedMap<Integer, List<Element>> subnets = subnets(host);
        subnets.forEach((prefix, elements) -> sets.add(NamedSet.of(SUBNETS + prefix, NamedSet.Type.addresses(family), elements)));
        chains.add(Chain.at("postrouting", Hook.sourceNat(), postrouting(family, host, subnets.keySet())));
        host.ingress().ifPresent(ingress -> chains.add(Chain.called(INGRESS, ingress(family, ingress, subnets.keySet()))));
        chains.add(Chain.at("forward", Hook.forward(), forward()));
        sets.add(NamedSet.of(INTERNAL, NamedSet.Type.DEVICES, host.networks().stream().filter(HostNetworks.Network::internal)
            .map(network -> Element.of(Data.deviceName(network.bridge()))).toList()));
        return Table.of(family, chains, sets);
    }

    private static List<Rule> guard(Family family) {
        List<Rule> rules = new ArrayList<>();
        if (family == Family.IPV4) { // each packet passes here: the cheap test first, names are copied
            rules.add(Rule.of(Match.destination(LOOPBACK), Match.inputDevices(BRIDGES), Action.drop()));
        }
        TUNNELS.forEach(port -> // of this host: what it forwards to others may be translated by somebody's rules
            rules.add(Rule.of(Match.destinationPort(Transport.UDP, port), Match.destinationIsThisHost(), Action.untracked())));
        return rules;
    }

    /** Adds the chains and sets that lead from ports to tasks. */
    private static void publish(Family family, HostNetworks host, ServiceRules.Memory memory, List<Chain> chains, List<NamedSet> sets) {
        List<Element> ports = new ArrayList<>();
        List<Element> local = new ArrayList<>();
        for (PublishedPort port : host.ports()) {
            if (!port.backends().isEmpty()) {
                ServiceRules rules = memory.of(port.transport().wireName() + "-" + port.port(),
                    () -> Data.concatenated(Data.octet(port.transport().number()), Data.port(port.port())), port.backends(), port.choice());
                chains.add(rules.chain());
                ports.add(rules.lead());
                local.addAll(rules.local());
                rules.buckets().ifPresent(sets::add);
            }
        }
        chains.add(Chain.called(PUBLISHED, List.of(Rule.of(Action.byDestinationPort(PORTS)))));
        sets.add(memory.set(PORTS, NamedSet.Type.VERDICT_OF_PORT, ports));
        sets.add(memory.set(LOCAL, NamedSet.Type.addresses(family), local));
    }

    /** By the length of their prefixes. */
    private static SortedMap<Integer, List<Element>> subnets(HostNetworks host) {
        TreeMap<Integer, List<Element>> subnets = new TreeMap<>();
        for (HostNetworks.Network network : host.networks()) {
            int slash = network.subnet().indexOf('/');
            int prefix = Integer.parseInt(network.subnet().substring(slash + 1));
            subnets.computeIfAbsent(prefix, length -> new ArrayList<>()).add(Element.of(Data.subnet(network.subnet().substring(0, slash), prefix)));
        }
        return subnets;
    }

    private static List<Rule> postrouting(Family family, HostNetworks host, Set<Integer> prefixes) {
        List<Rule> rules = new ArrayList<>();
        host.ingress().ifPresent(ingress ->
            rules.add(Rule.of(Match.outputDevice(ingress.bridge()), Match.hasDestinationNat(), Action.moveTo(INGRESS))));
        rules.add(Rule.of(Match.outputDevices(BRIDGES), Action.leave()));
        prefixes.forEach(prefix -> rules.add(Rule.of(Match.sourceSubnetIn(family, prefix, SUBNETS + prefix), Action.masquerade())));
        return rules;
    }

    private static List<Rule> ingress(Family family, HostNetworks.Ingress ingress, Set<Integer> prefixes) {
        List<Rule> rules = new ArrayList<>();
        rules.add(Rule.of(Match.source(family == Family.IPV4 ? LOOPBACK : LOOPBACK_IPV6), Action.sourceNat(ingress.address())));
        prefixes.forEach(prefix -> rules.add(Rule.of(Match.sourceSubnetIn(family, prefix, SUBNETS + prefix), Action.sourceNat(ingress.address()))));
        rules.add(Rule.of(Match.destinationIn(family, LOCAL), Action.accept()));
        rules.add(Rule.of(Action.sourceNat(ingress.address())));
        return rules;
    }

    private static List<Rule> forward() {
        return List.of(
            Rule.of(Match.hasDestinationNat(), Action.accept()),
            Rule.of(Match.inputDeviceIn(INTERNAL), Action.drop()),
            Rule.of(Match.knownFlow(), Action.accept()),
            Rule.of(Match.outputDevices(BRIDGES), Action.drop()));
    }

    private HostTable() {}
}
