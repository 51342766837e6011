package dev.starling.netlink.nft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.starling.netlink.NamespaceTest;
import dev.starling.netlink.NetNs;
import dev.starling.netlink.NetlinkException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Against a real kernel, with nft as the second judge. */
class KernelTableTest extends NamespaceTest {
    private Path namespace;
    private KernelTable table;

    @BeforeEach
    void open() {
        namespace = lab.namespace("nft");
        assumeTrue(Files.isExecutable(Path.of("/usr/sbin/nft")), "these tests compare with nft, which is not here");
        List<String> missing = NetfilterProbe.missing(NetNs.at(namespace));
        assumeTrue(missing.isEmpty(), () -> "this kernel lacks " + missing);
        table = new KernelTable(NetNs.at(namespace), "starling");
    }

    private static Table sample(int backends) {
        List<Rule> rules = new ArrayList<>();
        for (int i = 0; i < backends; i++) {
            rules.add(Rule.of(Match.oneOf(backends - i), Action.destinationNat("10.255.0." + (18 + i), 80)));
        }
        return Table.of(List.of(
            Chain.at("guard", Chain.Hook.beforeConntrack(), List.of(Rule.of(Match.inputDevices("sb-"), Match.destination("127.0.0.0/8"), Action.drop()))),
            Chain.at("prerouting", Chain.Hook.destinationNat(), List.of(
                Rule.of(Match.inputDevice("sb-ingress000"), Match.destinationIsInputDevice(), Action.leave()),
                Rule.of(Match.destinationIsThisHost(), Match.destinationPort(Transport.UDP, 8080), Action.moveTo("udp-8080")))),
            Chain.called("udp-8080", rules),
            Chain.at("postrouting", Chain.Hook.sourceNat(), List.of(
                Rule.of(Match.outputDevice("sb-ingress000"), Match.hasDestinationNat(), Action.sourceNat("10.255.0.17")),
                Rule.of(Match.source("10.0.1.0/24"), Match.outputDevicesOtherThan("sb-"), Action.masquerade()))),
            Chain.at("forward", Chain.Hook.forward(), List.of(Rule.of(Match.knownFlow(), Action.accept()),
                Rule.of(Match.outputDevices("sb-"), Action.drop())))));
    }

    @Test
    void nftReadsWhatWeWroteAsItWasMeant() {
        assertTrue(table.apply(sample(2)));
        String listed = lab.in(namespace, "nft", "-n", "list", "ruleset").replaceAll("\\s+", " ").replace("priority -100", "priority dstnat")
            .replace("priority 100", "priority srcnat").replace("priority -300", "priority raw");
        for (String line : List.of("table ip starling", "iifname \"sb-*\" ip daddr 127.0.0.0/8 drop", "fib daddr . iif type 2 return",
                "fib daddr type 2 udp dport 8080 goto udp-8080", "numgen random mod 2 0 dnat to 10.255.0.18:80",
                "dnat to 10.255.0.19:80", "oifname \"sb-ingress000\" ct status 0x20 snat to 10.255.0.17",
                "ip saddr 10.0.1.0/24 oifname != \"sb-*\" masquerade", "ct state 0x2,0x4 accept", "oifname \"sb-*\" drop")) {
            assertTrue(listed.contains(line), line + "\n" + listed);
        }
    }

    @Test
    void whatTheKernelGivesBackIsWhatItWasGiven() {
        table.apply(sample(7));
        assertEquals(sample(7), table.read());
        assertFalse(new KernelTable(NetNs.at(namespace), "starling").apply(sample(7)), "another agent finds nothing to do");
    }

    @Test
    void aChangeTouchesTheOneChain() {
        table.apply(sample(2));
        String before = lab.in(namespace, "nft", "-a", "list", "ruleset");
        assertTrue(table.apply(sample(3)));
        String after = lab.in(namespace, "nft", "-a", "list", "ruleset");
        assertEquals(handles(before, "masquerade"), handles(after, "masquerade"));
        assertEquals(sample(3), table.read());
        assertFalse(table.apply(sample(3)));
    }

    private static List<String> handles(String listing, String what) {
        return listing.lines().filter(line -> line.contains(what)).map(String::strip).toList();
    }

    @Test
    void whatOthersDidToOurTableIsUndoneAndTheirTablesStay() {
        table.apply(sample(2));
        lab.in(namespace, "nft", "add table ip users");
        lab.in(namespace, "nft", "add chain ip users mine { type filter hook input priority 0; }");
        lab.in(namespace, "nft", "add rule ip starling guard counter log");
        lab.in(namespace, "nft", "add chain ip starling stray");
        lab.in(namespace, "nft", "flush chain ip starling udp-8080");
        assertTrue(table.apply(sample(2)));
        assertEquals(sample(2), table.read());
        lab.in(namespace, "nft", "flush ruleset");
        lab.in(namespace, "nft", "add table ip users");
        assertTrue(table.apply(sample(2)), "a firewall that was loaded anew took ours with it");
        assertEquals(sample(2), table.read());
        assertTrue(lab.in(namespace, "nft", "list ruleset").contains("table ip users"));
        table.remove();
        table.remove();
        assertEquals(Table.empty(Family.IPV4), table.read());
        assertTrue(lab.in(namespace, "nft", "list ruleset").contains("table ip users"));
    }

    @Test
    void aBatchIsTakenWholeOrNotAtAll() {
        table.apply(sample(2));
        List<Chain> chains = new ArrayList<>(sample(3).chains().values());
        chains.add(Chain.called("broken", List.of(Rule.of(Action.jump("nowhere")))));
        NetlinkException failure = assertThrows(NetlinkException.class, () -> table.apply(Table.of(chains)));
        assertTrue(failure.getMessage().contains("add rule ip starling broken"), failure.getMessage());
        assertEquals(2, failure.errno());
        assertEquals(sample(2), table.read());
    }

    /** Two ports by a verdict map; clients of one stay with a backend; a set of each kind. */
    private static Table mapped(int backends, List<String> local) {
        List<NamedSet.Element> buckets = new ArrayList<>();
        for (int bucket = 0; bucket < 8; bucket++) {
            buckets.add(NamedSet.Element.of(Data.number(bucket), Data.concatenated(Data.address("10.255.0." + (18 + bucket % backends)), Data.port(80))));
        }
        List<NamedSet> sets = List.of(
            NamedSet.of("ports", NamedSet.Type.VERDICT_OF_PORT, List.of(
                NamedSet.Element.moveTo(Data.concatenated(Data.octet(Transport.TCP.number()), Data.port(8080)), "tcp-8080"),
                NamedSet.Element.moveTo(Data.concatenated(Data.octet(Transport.UDP.number()), Data.port(53)), "udp-53"))),
            NamedSet.of("services", NamedSet.Type.verdictOfAddress(Family.IPV4), List.of(NamedSet.Element.moveTo(Data.address("10.0.1.200"), "udp-53"))),
            NamedSet.of("tcp-8080", NamedSet.Type.addressAndPortOfNumber(Family.IPV4, 8), buckets),
            NamedSet.of("internal", NamedSet.Type.DEVICES, List.of(NamedSet.Element.of(Data.deviceName("sb-secret")))),
            NamedSet.of("local", NamedSet.Type.addresses(Family.IPV4), local.stream().map(address -> NamedSet.Element.of(Data.address(address))).toList()),
            NamedSet.of("subnets-24", NamedSet.Type.addresses(Family.IPV4), List.of(NamedSet.Element.of(Data.subnet("10.0.1.77", 24)))));
        return Table.of(List.of(
            Chain.at("prerouting", Chain.Hook.destinationNat(), List.of(Rule.of(Action.byDestinationPort("ports")), Rule.of(Action.byDestination(Family.IPV4, "services")))),
            Chain.called("tcp-8080", List.of(Rule.of(Action.destinationNatBySource(Family.IPV4, 8, 5, "tcp-8080", true)), Rule.of(Action.destinationNat("10.255.0.18", 80)))),
            Chain.called("udp-53", List.of(Rule.of(Action.destinationNat("10.255.0.19")))),
            Chain.at("postrouting", Chain.Hook.sourceNat(), List.of(Rule.of(Match.destinationIn(Family.IPV4, "local"), Action.accept()),
                Rule.of(Match.sourceSubnetIn(Family.IPV4, 24, "subnets-24"), Action.masquerade()))),
            Chain.at("forward", Chain.Hook.forward(), List.of(Rule.of(Match.inputDeviceIn("internal"), Action.drop())))), sets);
    }

    @Test
    void nftReadsMapsAndSetsAsTheyWereMeant() {
        assertTrue(table.apply(mapped(2, List.of("10.255.0.18", "10.255.0.19"))));
        String listed = lab.in(namespace, "nft", "-n", "list", "ruleset").replaceAll("\\s+", " ");
        for (String line : List.of("map ports { type inet_proto . inet_service : verdict elements = {", "6 . 8080 : goto tcp-8080", "17 . 53 : goto udp-53",
                "map services { type ipv4_addr : verdict elements = { 10.0.1.200 : goto udp-53 }", "map tcp-8080 { type mark : ipv4_addr . inet_service size 8",
                "0x00000001 : 10.255.0.19 . 80", "set internal { type ifname elements = { \"sb-secret\" }", "10.255.0.18, 10.255.0.19",
                "set subnets-24 { type ipv4_addr elements = { 10.0.1.0 }", "meta l4proto . th dport vmap @ports", "ip daddr vmap @services",
                "jhash ip saddr mod 8 seed 0x5 map @tcp-8080", "ip daddr @local accept", "ip saddr & 255.255.255.0 == @subnets-24 masquerade", "iifname @internal drop")) {
            assertTrue(listed.contains(line), line + "\n" + listed);
        }
    }

    @Test
    void aChangeOfASetTouchesTheElementsThatDiffer() {
        table.apply(mapped(2, List.of("10.255.0.18", "10.255.0.19")));
        assertEquals(mapped(2, List.of("10.255.0.18", "10.255.0.19")), table.read());
        Table wanted = mapped(3, List.of("10.255.0.19", "10.255.0.20"));
        List<String> requests = TableDiff.changes("starling", table.read(), wanted).stream().map(Object::toString).toList();
        assertEquals(List.of("nft add table ip starling", "nft delete element ip starling local", "nft delete element ip starling tcp-8080",
            "nft add element ip starling local", "nft add element ip starling tcp-8080"), requests);
        assertTrue(table.apply(wanted));
        assertEquals(wanted, table.read());
        assertFalse(new KernelTable(NetNs.at(namespace), "starling").apply(wanted), "another agent finds nothing to do");
        assertTrue(table.apply(sample(2)), "sets that rules looked into go with them");
        assertEquals(sample(2), table.read());
    }

    @Test
    void whatOthersDidToOurSetsIsUndone() {
        Table wanted = mapped(2, List.of("10.255.0.18"));
        table.apply(wanted);
        lab.in(namespace, "nft", "add element ip starling local { 192.0.2.7 }");
        lab.in(namespace, "nft", "delete element ip starling ports { tcp . 8080 }");
        lab.in(namespace, "nft", "add element ip starling ports { tcp . 8080 : drop }");
        lab.in(namespace, "nft", "add set ip starling stray { type ipv4_addr; flags interval; elements = { 10.0.0.0/8 } }");
        lab.in(namespace, "nft", "add rule ip starling forward ip saddr { 192.0.2.1, 192.0.2.2 } ip daddr @stray drop");
        assertTrue(table.apply(wanted));
        assertEquals(wanted, table.read());
        lab.in(namespace, "nft", "delete table ip starling");
        lab.in(namespace, "nft", "add table ip starling");
        lab.in(namespace, "nft", "add set ip starling local { type ipv4_addr; timeout 1h; }");
        assertTrue(table.apply(wanted), "a set of another kind in the place of ours");
        assertEquals(wanted, table.read());
    }

    @Test
    void aThousandServicesGoInOneBatchAndAChangeInASmallOne() {
        Table wanted = thousand(0);
        long start = System.nanoTime();
        table.apply(wanted);
        long written = System.nanoTime();
        assertEquals(wanted, table.read());
        System.out.printf("1,000 services of 10 tasks: written in %d ms, read in %d ms%n", (written - start) / 1_000_000,
            (System.nanoTime() - written) / 1_000_000);
        assertEquals(List.of("nft add table ip starling", "nft flush chain ip starling s0"),
            TableDiff.changes("starling", wanted, thousand(1)).stream().map(Object::toString).limit(2).toList());
        assertEquals(12, TableDiff.changes("starling", wanted, thousand(1)).size(), "and ten rules");
    }

    private static Table thousand(int offset) {
        List<Chain> chains = new ArrayList<>();
        List<NamedSet.Element> services = new ArrayList<>();
        for (int service = 0; service < 1_000; service++) {
            List<Rule> rules = new ArrayList<>();
            for (int i = 0; i < 10; i++) {
                rules.add(Rule.of(Match.oneOf(10 - i), Action.destinationNat("10." + service / 250 + "." + service % 250 + "." + (i + 2 + (service == 0 ? offset : 0)))));
            }
            chains.add(Chain.called("s" + service, rules));
            services.add(NamedSet.Element.moveTo(Data.address("10.99." + service / 250 + "." + service % 250), "s" + service));
        }
        chains.add(Chain.at("output", Chain.Hook.destinationNatOfOwnTraffic(), List.of(Rule.of(Action.byDestination(Family.IPV4, "services")))));
        return Table.of(chains, List.of(NamedSet.of("services", NamedSet.Type.verdictOfAddress(Family.IPV4), services)));
    }
}
