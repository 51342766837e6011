package dev.starling.gossip;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.member.Member;
import dev.starling.gossip.member.MemberStatus;
import dev.starling.gossip.sim.SimCluster;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Faults that are neither a crash nor a clean cut. Given the fault, who is held for dead, and how long after its end all agree. */
class FaultSimulationTest {
    private static final GossipConfig LAN = GossipConfig.lan();
    private static final int NODES = 10;

    /** Who held whom for dead, as "observer subject" by index. */
    private static Set<String> deathsIn(SimCluster cluster) {
        Set<String> deaths = new TreeSet<>();
        cluster.onMemberChanged((node, changed) -> {
            if (changed.now() != null && changed.now().status() == MemberStatus.DEAD) {
                deaths.add(node.index() + " " + cluster.nodes().stream().filter(n -> n.id().equals(changed.now().id())).findFirst().orElseThrow().index());
            }
        });
        return deaths;
    }

    private static void changesPassAndAllAgree(SimCluster cluster, int from, int to, long limitMillis) {
        cluster.node(from).put("key", "after " + cluster.now());
        Bytes value = cluster.node(from).gossip().records().of(cluster.node(from).id()).get("key");
        assertTrue(cluster.runUntil(() -> value.equals(cluster.node(to).gossip().records().of(cluster.node(from).id()).get("key")), limitMillis),
                "a change of " + from + " at " + to);
        assertTrue(cluster.runUntil(cluster::agrees, limitMillis), "all agree");
    }

    /** A hears B, B does not hear A: others carry probes, and state. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void oneDirectionOfOneLinkIsCut(long seed) {
        SimCluster cluster = SimCluster.settled(NODES, seed, LAN);
        Set<String> deaths = deathsIn(cluster);
        cluster.network().cut(2, 7);
        cluster.runFor(60_000);
        changesPassAndAllAgree(cluster, 2, 7, 10_000);
        changesPassAndAllAgree(cluster, 7, 2, 10_000);
        assertEquals(Set.of(), deaths);
    }

    /** A and B do not hear each other, all others hear both. */
    @ParameterizedTest
    @ValueSource(longs = {4, 5, 6})
    void oneLinkIsCutBothWays(long seed) {
        SimCluster cluster = SimCluster.settled(NODES, seed, LAN);
        Set<String> deaths = deathsIn(cluster);
        cluster.network().cut(2, 7);
        cluster.network().cut(7, 2);
        cluster.runFor(60_000);
        changesPassAndAllAgree(cluster, 2, 7, 10_000);
        assertEquals(Set.of(), deaths);
    }

    /** With three nodes there is one helper. */
    @Test
    void oneLinkOfThreeIsCut() {
        SimCluster cluster = SimCluster.settled(3, 7, LAN);
        Set<String> deaths = deathsIn(cluster);
        cluster.network().cut(0, 1);
        cluster.network().cut(1, 0);
        cluster.runFor(60_000);
        changesPassAndAllAgree(cluster, 0, 1, 10_000);
        assertEquals(Set.of(), deaths);
    }

    /** It hears nobody, and all hear it accuse everyone: it is held for dead, and nobody else is by those that are well. */
    @ParameterizedTest
    @ValueSource(longs = {8, 9, 10})
    void aDeafNodeHarmsItselfOnly(long seed) {
        SimCluster cluster = SimCluster.settled(NODES, seed, LAN);
        Set<String> deaths = deathsIn(cluster);
        for (int other = 0; other < NODES; other++) {
            cluster.network().cut(other, 4);
        }
        cluster.runFor(60_000);
        deaths.removeIf(death -> death.startsWith("4 ") || death.endsWith(" 4"));
        assertEquals(Set.of(), deaths, "the deaf one may believe what it likes, and is held for dead");
        cluster.network().heal();
        assertTrue(cluster.runUntil(cluster::agrees, 30_000), "all agree after it heals");
    }

    /** All hear nobody answer through it: it hears them, they do not hear it. */
    @ParameterizedTest
    @ValueSource(longs = {11, 12, 13})
    void aMuteNodeHarmsItselfOnly(long seed) {
        SimCluster cluster = SimCluster.settled(NODES, seed, LAN);
        Set<String> deaths = deathsIn(cluster);
        for (int other = 0; other < NODES; other++) {
            cluster.network().cut(4, other);
        }
        cluster.runFor(60_000);
        deaths.removeIf(death -> death.startsWith("4 ") || death.endsWith(" 4"));
        assertEquals(Set.of(), deaths);
        cluster.network().heal();
        assertTrue(cluster.runUntil(cluster::agrees, 30_000), "all agree after it heals");
    }

    /** Its power comes and goes each three seconds. */
    @Test
    void aFlappingNodeTakesNobodyWithIt() {
        SimCluster cluster = SimCluster.settled(NODES, 14, LAN);
        Set<String> deaths = deathsIn(cluster);
        SimCluster.Node flapping = cluster.node(6);
        for (int flap = 0; flap < 20; flap++) {
            flapping.crash();
            cluster.runFor(3_000);
            flapping.start(List.of(cluster.node(0).endpoint()));
            cluster.runFor(3_000);
        }
        deaths.removeIf(death -> death.endsWith(" 6"));
        assertEquals(Set.of(), deaths);
        assertTrue(cluster.runUntil(cluster::agrees, 5_000), "all agree");
        cluster.nodes().forEach(node -> assertEquals(21, node.gossip().members().get(flapping.id()).boot()));
    }

    /** SIGSTOP: up to 2 s nobody minds; longer, it is held for dead, but wakes without holding the others for dead, and is back at once. */
    @ParameterizedTest
    @CsvSource({"1000, 15", "2000, 16", "5000, 17", "10000, 18", "30000, 19", "60000, 20"})
    void aStoppedProcess(long millis, long seed) {
        SimCluster cluster = SimCluster.settled(NODES, seed, LAN);
        Set<String> deaths = deathsIn(cluster);
        cluster.node(3).stall(millis);
        cluster.runFor(millis);
        assertTrue(cluster.runUntil(cluster::agrees, 10_000), "all agree");
        cluster.runFor(20_000);
        assertTrue(cluster.agrees());
        deaths.removeIf(death -> millis > 2_000 && death.endsWith(" 3"));
        assertEquals(Set.of(), deaths);
    }

    /** A third of the cluster is stopped at once, as by a hypervisor that moves its guests. */
    @Test
    void manyStoppedProcesses() {
        SimCluster cluster = SimCluster.settled(30, 21, LAN);
        Set<String> deaths = deathsIn(cluster);
        for (int node = 0; node < 10; node++) {
            cluster.node(node).stall(20_000);
        }
        cluster.runFor(20_000);
        assertTrue(cluster.runUntil(cluster::agrees, 10_000), "all agree");
        deaths.removeIf(death -> Integer.parseInt(death.substring(death.indexOf(' ') + 1)) < 10);
        assertEquals(Set.of(), deaths, "none of those that ran");
    }

    @Test
    void aHundredJoinFiftyAtOnce() {
        SimCluster cluster = new SimCluster(150, 22, LAN);
        for (int node = 0; node < 50; node++) {
            cluster.node(node).start(List.of(cluster.node(0).endpoint()));
        }
        assertTrue(cluster.runUntil(() -> cluster.node(49).gossip().members().size() == 50, 10_000));
        cluster.runFor(3_000);
        Set<String> deaths = deathsIn(cluster);
        for (int node = 50; node < 150; node++) {
            cluster.node(node).start(List.of(cluster.node(node % 3).endpoint()));
        }
        long begun = cluster.now();
        assertTrue(cluster.runUntil(cluster::agrees, 10_000), "all agree");
        System.out.printf("100 nodes join 50 at once: all agree after %d ms%n", cluster.now() - begun);
        cluster.runFor(5_000);
        assertEquals(Set.of(), deaths);
    }

    /** Its key is its identity: another lease from the DHCP server makes no new member. */
    @Test
    void aNodeThatComesBackWithAnotherAddressIsTheSame() {
        SimCluster cluster = SimCluster.settled(5, 23, LAN);
        SimCluster.Node moved = cluster.node(3);
        moved.put("kept", "value");
        cluster.runFor(1_000);
        moved.crash();
        Endpoint before = moved.endpoint();
        moved.move();
        moved.start(List.of(cluster.node(1).endpoint()));
        assertTrue(cluster.runUntil(cluster::agrees, 5_000), "all agree");
        List<Member> seen = new ArrayList<>();
        cluster.nodes().forEach(node -> {
            assertEquals(5, node.gossip().members().size());
            assertEquals(Bytes.utf8("value"), node.gossip().records().of(moved.id()).get("kept"));
            seen.add(node.gossip().members().get(moved.id()));
        });
        assertTrue(seen.stream().allMatch(member -> member.endpoint().equals(moved.endpoint()) && !member.endpoint().equals(before)), seen.toString());
        Set<String> deaths = deathsIn(cluster);
        cluster.runFor(20_000);
        assertEquals(Set.of(), deaths, "and it is probed where it is");
    }
}
