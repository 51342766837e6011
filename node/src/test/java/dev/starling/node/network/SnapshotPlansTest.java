package dev.starling.node.network;

import static dev.starling.node.Sample.N1;
import static dev.starling.node.Sample.N2;
import static dev.starling.node.Sample.N3;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.desired.Kind;
import dev.starling.netlink.balance.Backend;
import dev.starling.netlink.balance.Choice;
import dev.starling.netlink.balance.PublishedPort;
import dev.starling.netlink.balance.VirtualService;
import dev.starling.netlink.nft.Transport;
import dev.starling.netlink.overlay.OverlayNetwork;
import dev.starling.netlink.overlay.RemoteEndpoint;
import dev.starling.node.Sample;
import dev.starling.node.agent.SchedulerSeams;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.dns.NameTable;
import dev.starling.node.spec.IngressNetwork;
import dev.starling.node.spec.ServiceEndpoints;
import dev.starling.node.spec.ServiceSpecCheck;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** What follows from a snapshot alone: networks to have, names to answer, tasks to show as pending. */
class SnapshotPlansTest {
    private static final String BACK = "netback";
    private static final String FRONT = "netfront";

    private static Sample.Cluster cluster() {
        ObjectNode web = Sample.serviceBody("web", 3);
        web.withObject("/Spec/TaskTemplate").putArray("Networks").addObject().put("Target", BACK).putArray("Aliases").add("www");
        return new Sample.Cluster().node(N1, "192.0.2.1", true).node(N2, "192.0.2.2", true).node(N3, "192.0.2.3", false)
                .has(Kind.SERVICE, "web", web).has(Kind.NETWORK, BACK, Sample.networkBody("back", "10.0.1.0/24", 4097))
                .has(Kind.NETWORK, FRONT, Sample.networkBody("front", "10.0.2.0/24", 4098));
    }

    private static Task web(int index, dev.starling.gossip.NodeId node, TaskState state, Map<String, String> addresses) {
        return Sample.task("task" + index, Slot.replica("web", index), node, state, addresses);
    }

    private static OverlayPlan plan(String ownAddress, ClusterSnapshot snapshot) {
        return OverlayPlan.of(snapshot, Underlay.open(ownAddress), Collections.emptySortedMap());
    }

    @Test
    void tunnelsHaveOneFamilyAtBothEndsAndWhoIsApartIsNamed() {
        ClusterSnapshot snapshot = new Sample.Cluster().node(N1, "fd00:0::1", true).node(N2, "FD00::2", true).node(N3, "192.0.2.3", true)
                .has(Kind.NETWORK, BACK, Sample.networkBody("back", "10.0.1.0/24", 4097))
                .runs(web(1, N1, TaskState.RUNNING, Map.of(BACK, "10.0.1.2/24"))).runs(web(2, N2, TaskState.RUNNING, Map.of(BACK, "10.0.1.3/24")))
                .runs(web(3, N3, TaskState.RUNNING, Map.of(BACK, "10.0.1.4/24"))).snapshot();
        OverlayPlan byIpv6 = plan("fd00::1", snapshot);
        assertEquals(Set.of(new RemoteEndpoint("10.0.1.3", "fd00::2")), byIpv6.remotes().get(BACK));
        assertEquals(1430, byIpv6.networks().get(BACK).mtu(), "its header is longer");
        assertEquals(Map.of(N3, "192.0.2.3"), byIpv6.apart());
        OverlayPlan byIpv4 = plan("192.0.2.1", snapshot);
        assertEquals(Set.of(new RemoteEndpoint("10.0.1.4", "192.0.2.3")), byIpv4.remotes().get(BACK));
        assertEquals(Map.of(N2, "FD00::2"), byIpv4.apart());
        ClusterSnapshot named = new Sample.Cluster().node(N1, "192.0.2.1", true).node(N2, "n2.example", true).snapshot();
        assertEquals(Map.of(N2, "n2.example"), plan("192.0.2.1", named).apart(), "a tunnel knows no names");
    }

    @Test
    void aNodeHasTheNetworksOfItsOwnTasksAndTheirRemoteAddresses() {
        OverlayPlan plan = plan("192.0.2.1", cluster()
                .runs(web(1, N1, TaskState.ASSIGNED, Map.of(BACK, "10.0.1.2/24")))
                .runs(web(2, N2, TaskState.PREPARING, Map.of(BACK, "10.0.1.3/24", FRONT, "10.0.2.3/24")))
                .runs(web(3, N3, TaskState.RUNNING, Map.of(BACK, "10.0.1.4/24")))
                .runs(web(4, N2, TaskState.FAILED, Map.of(BACK, "10.0.1.5/24"))).snapshot());
        assertEquals(Map.of(BACK, new OverlayNetwork(BACK, 4097, "10.0.1.0/24", "10.0.1.1", false, 1450)), plan.networks());
        assertEquals(Set.of(new RemoteEndpoint("10.0.1.3", "192.0.2.2")), plan.remotes().get(BACK),
                "from the claim on; not of nodes that are down, not of tasks that have ended");
    }

    @Test
    void aNodeWithoutTasksOfItHasNoNetwork() {
        OverlayPlan plan = plan("192.0.2.1", cluster().runs(web(1, N1, TaskState.COMPLETE, Map.of(BACK, "10.0.1.2/24")))
                .runs(web(2, N2, TaskState.RUNNING, Map.of(BACK, "10.0.1.3/24"))).snapshot());
        assertEquals(Map.of(), plan.networks());
        assertEquals(Map.of(), plan.remotes());
    }

    @Test
    void namesLeadToRunningTasksOnLiveNodes() {
        NameTable names = NameTables.of(cluster()
                .runs(web(1, N1, TaskState.RUNNING, Map.of(BACK, "10.0.1.2/24")))
                .runs(web(2, N2, TaskState.RUNNING, Map.of(BACK, "10.0.1.3/24")))
                .runs(web(3, N3, TaskState.RUNNING, Map.of(BACK, "10.0.1.4/24")))
                .runs(web(4, N2, TaskState.STARTING, Map.of(BACK, "10.0.1.5/24")))
                .runs(web(5, N2, TaskState.RUNNING, Map.of(BACK, "10.0.1.6/24")).withDesired(TaskState.SHUTDOWN)).snapshot(), Map.of(), true);
        for (String name : List.of("web", "tasks.web", "www", "WEB")) {
            assertEquals(Optional.of(Set.of("10.0.1.2", "10.0.1.3")),
                    names.addresses(BACK, "10.0.1.2", name).map(TreeSet::new), name);
        }
        assertEquals(Optional.of(List.of("10.0.1.3")), names.addresses(BACK, "10.0.1.2", "web.2.task2"));
        assertEquals(Optional.empty(), names.addresses(FRONT, "10.0.2.9", "web"), "names of one network are not those of another");
    }

    @Test
    void aContainerInTwoNetworksResolvesTheNamesOfBothAtOneGateway() {
        NameTable names = NameTables.of(cluster()
                .runs(web(1, N1, TaskState.STARTING, Map.of(BACK, "10.0.1.2/24", FRONT, "10.0.2.2/24")))
                .runs(web(2, N2, TaskState.RUNNING, Map.of(FRONT, "10.0.2.3/24"))).snapshot(), Map.of(), true);
        assertEquals(Optional.of(List.of("10.0.2.3")), names.addresses(BACK, "10.0.1.2", "web"));
    }

    @Test
    void aServiceNameLeadsToItsVirtualAddressAndTasksNameToItsTasks() {
        ClusterSnapshot snapshot = cluster().runs(web(1, N1, TaskState.RUNNING, Map.of(BACK, "10.0.1.2/24"))).snapshot();
        NameTable names = NameTables.of(snapshot, ServiceEndpoints.of(snapshot), true);
        String virtual = ServiceEndpoints.of(snapshot).get("web").virtualAddresses().get(BACK);
        assertTrue(virtual.matches("10\\.0\\.1\\.(19[2-9]|2[0-4][0-9]|25[0-4])"), virtual);
        assertEquals(Optional.of(List.of(virtual)), names.addresses(BACK, "10.0.1.2", "web"));
        assertEquals(Optional.of(List.of(virtual)), names.addresses(BACK, "10.0.1.2", "www"));
        assertEquals(Optional.of(List.of("10.0.1.2")), names.addresses(BACK, "10.0.1.2", "tasks.web"));
    }

    @Test
    void inANetworkWithIpv6NamesLeadToAddressesOfBoth() {
        ObjectNode dual = Sample.networkBody("back", "10.0.1.0/24", 4097);
        dual.withObject("/Spec").put("EnableIPv6", true);
        dual.withObject("/Spec").withObject("/IPAM").withArray("Config").addObject().put("Subnet", "fd00:1::/64");
        ClusterSnapshot snapshot = cluster().has(Kind.NETWORK, BACK, dual)
                .runs(web(1, N1, TaskState.RUNNING, Map.of(BACK, "10.0.1.2/24"))).snapshot();
        NameTable names = NameTables.of(snapshot, ServiceEndpoints.of(snapshot), true);
        String virtual = ServiceEndpoints.of(snapshot).get("web").virtualAddresses().get(BACK);
        String twin = "fd00:1::" + Integer.toHexString(Integer.parseInt(virtual.substring("10.0.1.".length())));
        assertEquals(Optional.of(List.of(virtual, twin)), names.addresses(BACK, "10.0.1.2", "web"));
        assertEquals(Optional.of(List.of(virtual, "fd00:1::2")), NameTables.of(snapshot, ServiceEndpoints.of(snapshot), false).addresses(BACK, "10.0.1.2", "web"),
                "on a node whose kernel has no rules for IPv6");
        assertEquals(Map.of(virtual, new VirtualService(new TreeSet<>(Set.of("10.0.1.2")), Choice.RANDOM),
                twin, new VirtualService(new TreeSet<>(Set.of("fd00:1::2")), Choice.RANDOM)),
                BalancePlan.of(snapshot, ServiceEndpoints.of(snapshot)).containers().get("task1"));
        assertEquals(Optional.of(List.of("10.0.1.2", "fd00:1::2")), names.addresses(BACK, "10.0.1.2", "tasks.web"));
    }

    @Test
    void connectionsGoToRunningTasksThatAreToStay() {
        ObjectNode shop = Sample.serviceBody("shop", 3);
        shop.withObject("/Spec/EndpointSpec").putArray("Ports").addObject().put("TargetPort", 80).put("PublishedPort", 8080);
        Sample.Cluster cluster = cluster().has(Kind.SERVICE, "shop", shop);
        for (int i = 1; i <= 4; i++) {
            Task task = Sample.task("shop" + i, Slot.replica("shop", i), i % 2 == 0 ? N1 : N2, i == 3 ? TaskState.STARTING : TaskState.RUNNING,
                    Map.of(IngressNetwork.UID, "10.255.0." + i + "/16"));
            cluster.runs(i == 4 ? task.withDesired(TaskState.SHUTDOWN) : task);
        }
        ClusterSnapshot snapshot = cluster.runs(Sample.task("far", Slot.replica("shop", 5), N3, TaskState.RUNNING,
                Map.of(IngressNetwork.UID, "10.255.0.9/16"))).snapshot();
        BalancePlan plan = BalancePlan.of(snapshot, ServiceEndpoints.of(snapshot));
        assertEquals(List.of(new PublishedPort(Transport.TCP, 8080, new TreeSet<>(List.of(new Backend("10.255.0.1", 80, false),
                new Backend("10.255.0.2", 80, true))), Choice.RANDOM)), plan.ports(), "not one that starts, is to stop, or is on a node that is down");
        assertEquals(Set.of("shop2"), plan.balanced(), "own ones");
        assertEquals(Map.of(), plan.containers());
    }

    @Test
    void aContainerSeesTheVirtualAddressesOfItsNetworks() {
        ClusterSnapshot snapshot = cluster().runs(web(1, N1, TaskState.STARTING, Map.of(BACK, "10.0.1.2/24")))
                .runs(web(2, N2, TaskState.RUNNING, Map.of(BACK, "10.0.1.3/24")))
                .runs(Sample.task("other", Slot.replica("gone", 1), N1, TaskState.RUNNING, Map.of(FRONT, "10.0.2.2/24"))).snapshot();
        String virtual = ServiceEndpoints.of(snapshot).get("web").virtualAddresses().get(BACK);
        assertEquals(Map.of("task1", Map.of(virtual, new VirtualService(new TreeSet<>(Set.of("10.0.1.3")), Choice.RANDOM))), BalancePlan.of(snapshot, ServiceEndpoints.of(snapshot)).containers());
    }

    @Test
    void labelsSayThatClientsStayWithATaskAndThatANodeKeepsToItsOwn() {
        ObjectNode shop = Sample.serviceBody("shop", 2);
        shop.withObject("/Spec/EndpointSpec").putArray("Ports").addObject().put("TargetPort", 80).put("PublishedPort", 8080);
        shop.withObject("/Spec/Labels").put("starling.affinity", "client").put("starling.ingress", "local");
        ClusterSnapshot snapshot = cluster().has(Kind.SERVICE, "shop", shop)
                .runs(Sample.task("shop1", Slot.replica("shop", 1), N1, TaskState.RUNNING, Map.of(IngressNetwork.UID, "10.255.0.1/16")))
                .runs(Sample.task("shop2", Slot.replica("shop", 2), N2, TaskState.RUNNING, Map.of(IngressNetwork.UID, "10.255.0.2/16"))).snapshot();
        assertEquals(List.of(new PublishedPort(Transport.TCP, 8080, new TreeSet<>(List.of(new Backend("10.255.0.1", 80, true))), Choice.BY_CLIENT)),
                BalancePlan.of(snapshot, ServiceEndpoints.of(snapshot)).ports());
    }

    @Test
    void aSlotThatWaitsIsShownUnderAnIdThatStays() {
        ClusterSnapshot snapshot = cluster().snapshot();
        List<Task> pending = pendingAt(Instant.EPOCH, snapshot);
        assertEquals(3, pending.size());
        assertEquals(pending, pendingAt(Instant.EPOCH, snapshot));
        assertEquals(3, pending.stream().map(Task::id).distinct().count());
        for (Task task : pending) {
            assertTrue(task.id().matches("[0-9a-z]{25}"), task.id());
            assertEquals(TaskState.PENDING, task.state());
        }
    }

    @Test
    void aSlotThatANodeCouldTakeAndDoesNotSaysSoAfterAWhile() {
        ClusterSnapshot snapshot = new Sample.Cluster().node(N1, "192.0.2.1", true).node(N2, "192.0.2.2", true)
                .has(Kind.SERVICE, "web", Sample.serviceBody("web", 3)).snapshot();
        assertEquals(List.of("", "", ""), pendingAt(Instant.EPOCH, snapshot).stream().map(Task::error).toList());
        for (Task task : pendingAt(Instant.now(), snapshot)) {
            assertEquals("2 nodes can take it and have not done so", task.error());
        }
    }

    private static List<Task> pendingAt(Instant now, ClusterSnapshot snapshot) {
        return SchedulerSeams.of(ServiceSpecCheck.Features.ALL, InstantSource.fixed(now)).pending().of(snapshot);
    }
}
