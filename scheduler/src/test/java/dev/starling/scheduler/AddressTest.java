package dev.starling.scheduler;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.scheduler.address.AddressPlan;
import dev.starling.scheduler.address.VirtualAddresses;
import dev.starling.scheduler.filter.Ipv4Range;
import dev.starling.scheduler.model.NetworkSpec;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.View;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Blocks and addresses. */
class AddressTest {
    private static List<String> inUse(Cluster cluster) {
        return cluster.hosts.stream().flatMap(host -> host.containers.alive().values().stream()).map(task -> task.addresses().get("net")).sorted().toList();
    }

    private static void checkUnique(Cluster cluster) {
        List<String> addresses = inUse(cluster);
        assertEquals(addresses.size(), addresses.stream().distinct().count(), () -> "an address in use twice: " + addresses);
        assertTrue(Stream.of("10.0.1.0/24", "10.0.1.1/24", "10.0.1.255/24").noneMatch(addresses::contains), "a reserved address was given out");
    }

    @Test
    void noAddressIsInUseTwiceAndTheReservedOnesAreNotGivenOut() {
        Cluster cluster = new Cluster(5, 3, 0, 300);
        cluster.add(Given.network("net", "10.0.1.0/24", "10.0.1.1"));
        cluster.invariant = AddressTest::checkUnique;
        Given.Service web = Given.service("web", 100).networks("net");
        cluster.deploy(web);
        cluster.runToRest();
        assertEquals(100, inUse(cluster).size());
        cluster.deploy(web.replicas(20));
        cluster.runToRest();
        cluster.deploy(web.replicas(150));
        cluster.runToRest();
        assertTrue(cluster.eachSlotOnce("web", 150), cluster::describe);
    }

    @Test
    void aBlockTakenTwiceInAPartitionIsKeptByOneAndTheOthersTasksGetNewAddresses() {
        Cluster cluster = new Cluster(4, 3, 0, 50);
        cluster.add(Given.network("net", "10.0.1.0/26", "10.0.1.1"));
        cluster.cutAfter(2);
        cluster.run(3_000);
        cluster.deploy(Given.service("web", 40).networks("net"));
        cluster.run(4_000);
        assertTrue(inUse(cluster).stream().distinct().count() < inUse(cluster).size(), "both sides use the same four blocks");
        cluster.heal();
        cluster.runUntil("one task a slot", 60_000, () -> cluster.eachSlotOnce("web", 40));
        cluster.runToRest();
        checkUnique(cluster);
        assertTrue(cluster.eachSlotOnce("web", 40), cluster::describe);
        assertEquals(4, cluster.hosts.stream().flatMap(host -> host.recordBlocks.values().stream()).flatMap(List::stream).count());
    }

    @Test
    void anAddressThatWasGivenBackRests() {
        Cluster cluster = Cluster.of(1);
        cluster.add(Given.network("net", "10.0.1.0/24", "10.0.1.1"));
        cluster.deploy(Given.service("web", 1).networks("net"));
        cluster.runToRest();
        Task first = cluster.running("web").get(0);
        assertEquals("10.0.1.2/24", first.addresses().get("net"));
        cluster.host(1).containers.kill(first.id(), cluster.now);
        cluster.run(200);
        cluster.runToRest();
        assertEquals("10.0.1.3/24", cluster.running("web").get(0).addresses().get("net"));
        cluster.run(60_000);
        cluster.host(1).containers.kill(cluster.running("web").get(0).id(), cluster.now);
        cluster.run(200);
        cluster.runToRest();
        assertEquals("10.0.1.2/24", cluster.running("web").get(0).addresses().get("net"));
    }

    @Test
    void aFullNetworkRefusesInWordsAndGoesOnWhenThereIsRoom() {
        Cluster cluster = Cluster.of(2);
        cluster.add(Given.network("net", "10.0.1.0/27", "10.0.1.1"));
        Given.Service web = Given.service("web", 40).networks("net");
        cluster.deploy(web);
        cluster.run(5_000);
        assertEquals(29, cluster.running("web").size(), "32 less network, gateway and broadcast");
        assertTrue(cluster.hosts.stream().flatMap(host -> host.recordRefusals.values().stream())
                .anyMatch(refusal -> refusal.reason().equals("no free address in network net (10.0.1.0/27): every block is claimed")));
        cluster.deploy(web.replicas(20));
        cluster.runToRest();
        assertTrue(cluster.eachSlotOnce("web", 20), cluster::describe);
        assertTrue(cluster.hosts.stream().allMatch(host -> host.recordRefusals.isEmpty()));
    }

    @Test
    void whereEachNodeHasAGatewayItHoldsABlockWithoutTasksAndGivesItsOwnAddressToNobody() {
        Cluster cluster = Cluster.of(3);
        cluster.add(Given.network("ingress", "10.255.0.0/16", ""));
        cluster.runToRest();
        NetworkSpec network = Given.network("ingress", "10.255.0.0/16", "");
        View view = cluster.host(1).view();
        List<String> gateways = view.nodes().keySet().stream().map(node -> AddressPlan.gatewayOf(view, node, network).orElseThrow()).toList();
        assertEquals(3, gateways.stream().distinct().count(), gateways::toString);
        cluster.deploy(Given.service("web", 60).networks("ingress"));
        cluster.runToRest();
        assertTrue(cluster.eachSlotOnce("web", 60), cluster::describe);
        assertTrue(cluster.running("web").stream().noneMatch(task -> gateways.contains(task.addresses().get("ingress").replace("/16", ""))));
    }

    @Test
    void virtualAddressesAreNeverATasks() {
        Cluster cluster = Cluster.of(12);
        cluster.add(Given.network("net", "10.0.1.0/24", "10.0.1.1"));
        cluster.deploy(Given.service("web", 190).networks("net"));
        cluster.runToRest();
        VirtualAddresses virtual = VirtualAddresses.of("10.0.1.0/24").orElseThrow();
        assertEquals(63, virtual.count());
        assertEquals("10.0.1.192", virtual.address(63));
        assertTrue(virtual.contains("10.0.1.254") && !virtual.contains("10.0.1.255") && !virtual.contains("10.0.1.191") && !virtual.contains("x"));
        assertTrue(cluster.running("web").stream().noneMatch(task -> virtual.contains(task.addresses().get("net").replace("/24", ""))));
        assertEquals(Optional.empty(), VirtualAddresses.of("10.0.1.0/26"));
    }

    @Test
    void rangesAreNumbers() {
        Ipv4Range range = Ipv4Range.parse("10.0.1.200/24");
        assertEquals("10.0.1.0", Ipv4Range.format(range.network()));
        assertEquals(256, range.size());
        assertTrue(range.contains("10.0.1.255") && !range.contains("10.0.2.0") && !range.contains("fd00::1"));
        assertTrue(new Ipv4Range(0, 0).contains("255.255.255.255"));
    }
}
