package dev.starling.netlink.balance;

import dev.starling.netlink.nft.Action;
import dev.starling.netlink.nft.Chain;
import dev.starling.netlink.nft.Chain.Hook;
import dev.starling.netlink.nft.Match;
import dev.starling.netlink.nft.Rule;
import dev.starling.netlink.nft.Table;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/**
 * The rules of a host, as a table; pure. In nft's words, for a port 8080 with a local task 10.255.0.18 and a remote one, on a host that is
 * 10.255.0.17 in the ingress network:
 *
 * <pre>
 * chain guard       { type filter hook prerouting priority -300;  iifname "sb-*" ip daddr 127.0.0.0/8 drop }
 * chain prerouting  { type nat hook prerouting priority dstnat;   iifname "sb-*" fib daddr . iif type local return
 *                                                                 fib daddr type local jump published }
 * chain output      { type nat hook output priority dstnat;       fib daddr type local jump published }
 * chain published   { meta l4proto tcp th dport 8080 goto tcp-8080 }
 * chain tcp-8080    { numgen random mod 2 == 0 dnat to 10.255.0.18:80
 *                     dnat to 10.255.0.34:80 }
 * chain postrouting { type nat hook postrouting priority srcnat;  oifname "sb-ingress000" ct status dnat goto ingress
 *                                                                 ip saddr 10.0.1.0/24 oifname != "sb-*" masquerade }
 * chain ingress     { ip saddr 127.0.0.0/8 snat to 10.255.0.17
 *                     ip saddr 10.0.1.0/24 snat to 10.255.0.17         clients that are containers of this host
 *                     ip daddr 10.255.0.18 accept                      a local task sees who calls
 *                     snat to 10.255.0.17 }                            a remote one answers to this host
 * chain forward     { type filter hook forward priority filter;   ct status dnat accept
 *                     iifname "sb-internal" drop
 *                     ct state established,related accept
 *                     oifname "sb-*" drop }                            networks do not meet by way of the host
 * </pre>
 *
 * Backends are plain rules: a map that is exchanged makes lookups miss for a moment. The k-th of n rules is taken with 1/(n-k+1), so all have the
 * same chance. The guard is there because local connections to 127.0.0.1 need {@code route_localnet} on the ingress bridge, which by itself would
 * let containers reach what listens on the host's loopback only. The gateway's own address is no published port: its port 53 is the name server.
 */
public final class HostTable {
    private static final String BRIDGES = "sb-";
    private static final String PUBLISHED = "published";
    private static final String INGRESS = "ingress";
    private static final String LOOPBACK = "127.0.0.0/8";

    public static Table of(HostNetworks host) {
        List<Chain> chains = new ArrayList<>();
        chains.add(Chain.at("guard", Hook.beforeConntrack(),
            List.of(Rule.of(Match.inputDevices(BRIDGES), Match.destination(LOOPBACK), Action.drop()))));
        chains.add(Chain.at("prerouting", Hook.destinationNat(), List.of(
            Rule.of(Match.inputDevices(BRIDGES), Match.destinationIsInputDevice(), Action.leave()),
            Rule.of(Match.destinationIsThisHost(), Action.jump(PUBLISHED)))));
        chains.add(Chain.at("output", Hook.destinationNatOfOwnTraffic(), List.of(Rule.of(Match.destinationIsThisHost(), Action.jump(PUBLISHED)))));
        chains.add(Chain.called(PUBLISHED, host.ports().stream().filter(port -> !port.backends().isEmpty())
            .map(port -> Rule.of(Match.destinationPort(port.transport(), port.port()), Action.moveTo(chainOf(port)))).toList()));
        host.ports().stream().filter(port -> !port.backends().isEmpty())
            .forEach(port -> chains.add(Chain.called(chainOf(port), balanced(List.copyOf(port.backends())))));
        chains.add(Chain.at("postrouting", Hook.sourceNat(), postrouting(host)));
        host.ingress().ifPresent(ingress -> chains.add(Chain.called(INGRESS, ingress(host, ingress))));
        chains.add(Chain.at("forward", Hook.forward(), forward(host)));
        return Table.of(chains);
    }

    private static String chainOf(PublishedPort port) {
        return port.transport().wireName() + "-" + port.port();
    }

    private static List<Rule> balanced(List<Backend> backends) {
        List<Rule> rules = new ArrayList<>();
        for (int i = 0; i < backends.size(); i++) {
            rules.add(Rule.of(Match.oneOf(backends.size() - i), Action.destinationNat(backends.get(i).address(), backends.get(i).port())));
        }
        return rules;
    }

    private static List<Rule> postrouting(HostNetworks host) {
        List<Rule> rules = new ArrayList<>();
        host.ingress().ifPresent(ingress ->
            rules.add(Rule.of(Match.outputDevice(ingress.bridge()), Match.hasDestinationNat(), Action.moveTo(INGRESS))));
        host.networks().stream().filter(network -> !network.internal()).forEach(network ->
            rules.add(Rule.of(Match.source(network.subnet()), Match.outputDevicesOtherThan(BRIDGES), Action.masquerade())));
        return rules;
    }

    private static List<Rule> ingress(HostNetworks host, HostNetworks.Ingress ingress) {
        List<Rule> rules = new ArrayList<>();
        rules.add(Rule.of(Match.source(LOOPBACK), Action.sourceNat(ingress.address())));
        host.networks().forEach(network -> rules.add(Rule.of(Match.source(network.subnet()), Action.sourceNat(ingress.address()))));
        TreeSet<String> local = new TreeSet<>();
        host.ports().forEach(port -> port.backends().stream().filter(Backend::local).forEach(backend -> local.add(backend.address())));
        local.forEach(address -> rules.add(Rule.of(Match.destination(address), Action.accept())));
        rules.add(Rule.of(Action.sourceNat(ingress.address())));
        return rules;
    }

    private static List<Rule> forward(HostNetworks host) {
        List<Rule> rules = new ArrayList<>();
        rules.add(Rule.of(Match.hasDestinationNat(), Action.accept()));
        host.networks().stream().filter(HostNetworks.Network::internal)
            .forEach(network -> rules.add(Rule.of(Match.inputDevice(network.bridge()), Action.drop())));
        rules.add(Rule.of(Match.knownFlow(), Action.accept()));
        rules.add(Rule.of(Match.outputDevices(BRIDGES), Action.drop()));
        return rules;
    }

    private HostTable() {}
}
