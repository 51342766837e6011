package dev.starling.netlink.nft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.starling.netlink.NamespaceLab;
import dev.starling.netlink.NetNs;
import dev.starling.netlink.NetlinkException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Against a real kernel, with nft as the second judge. */
class KernelTableTest {
    private NamespaceLab lab;
    private Path namespace;
    private KernelTable table;

    @BeforeEach
    void open() {
        lab = NamespaceLab.open();
        namespace = lab.namespace("nft");
        assumeTrue(Files.isExecutable(Path.of("/usr/sbin/nft")), "these tests compare with nft, which is not here");
        List<String> missing = NetfilterProbe.missing(NetNs.at(namespace));
        assumeTrue(missing.isEmpty(), () -> "this kernel lacks " + missing);
        table = new KernelTable(NetNs.at(namespace), "starling");
    }

    @AfterEach
    void close() {
        if (lab != null) {
            lab.close();
        }
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
        assertEquals(Table.EMPTY, table.read());
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

    @Test
    void aThousandServicesGoInOneBatch() {
        List<Chain> chains = new ArrayList<>();
        List<Rule> dispatch = new ArrayList<>();
        for (int service = 0; service < 1_000; service++) {
            List<Rule> rules = new ArrayList<>();
            for (int i = 0; i < 10; i++) {
                rules.add(Rule.of(Match.oneOf(10 - i), Action.destinationNat("10." + service / 250 + "." + service % 250 + "." + (i + 2))));
            }
            chains.add(Chain.called("s" + service, rules));
            dispatch.add(Rule.of(Match.destination("10.99." + service / 250 + "." + service % 250), Action.moveTo("s" + service)));
        }
        chains.add(Chain.at("output", Chain.Hook.destinationNatOfOwnTraffic(), dispatch));
        Table wanted = Table.of(chains);
        long start = System.nanoTime();
        table.apply(wanted);
        long written = System.nanoTime();
        assertEquals(wanted, table.read());
        System.out.printf("1,000 services of 10 tasks: written in %d ms, read in %d ms%n", (written - start) / 1_000_000,
            (System.nanoTime() - written) / 1_000_000);
    }
}
