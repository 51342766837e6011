package dev.starling.node.network;

import static dev.starling.node.Sample.N1;
import static dev.starling.node.Sample.N2;
import static dev.starling.node.Sample.N3;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.member.MemberStatus;
import dev.starling.netlink.balance.Backend;
import dev.starling.netlink.balance.PublishedPort;
import dev.starling.node.Sample;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.node.spec.IngressNetwork;
import dev.starling.node.spec.ServiceEndpoint;
import dev.starling.node.spec.ServiceEndpoints;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import dev.starling.scheduler.model.View;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

/** Plans that are made one after the other are those that are made from nothing, and share what has not changed. */
class BalancePlannerTest {
    private static final List<NodeId> NODES = List.of(N1, N2, N3);
    private static final List<String> NETWORKS = List.of("neta", "netb", "netc");

    /** What a snapshot is made of; a snapshot shares what is not replaced, as the node's own do. */
    private static final class World {
        private final TreeMap<NodeId, NodeView> nodes = new TreeMap<>();
        private final TreeMap<NodeId, List<Task>> tasks = new TreeMap<>();
        private List<Document> services = List.of();
        private final List<Document> networks = new ArrayList<>();
        private SortedMap<String, ServiceEndpoint> endpoints = new TreeMap<>();
        private final TreeMap<NodeId, Member> members = new TreeMap<>();

        World() {
            for (int i = 0; i < NODES.size(); i++) {
                ready(NODES.get(i), true);
                says(NODES.get(i), MemberStatus.ALIVE);
            }
            for (int i = 0; i < NETWORKS.size(); i++) {
                ObjectNode body = Sample.networkBody(NETWORKS.get(i), "10.0." + (i + 1) + ".0/24", 4_097 + i);
                if (i == 1) {
                    body.withObject("/Spec").put("EnableIPv6", true).withObject("/IPAM").withArray("Config").addObject().put("Subnet", "fd00:1::/64");
                }
                networks.add(Sample.document(Kind.NETWORK, NETWORKS.get(i), body));
            }
        }

        void ready(NodeId node, boolean ready) {
            nodes.put(node, new Sample.Cluster().node(node, "192.0.2." + (NODES.indexOf(node) + 1), ready).snapshot().view().nodes().get(node));
        }

        void says(NodeId node, MemberStatus status) {
            members.put(node, new Member(node, new Endpoint("192.0.2." + (NODES.indexOf(node) + 1), 2377), Role.MANAGER, 1, 1, status));
        }

        void service(int number, Random random) {
            ObjectNode body = Sample.serviceBody("s" + number, 3);
            var ports = body.withObject("/Spec/EndpointSpec").putArray("Ports");
            if (random.nextBoolean()) {
                ports.addObject().put("TargetPort", 80).put("PublishedPort", 8_000 + number).put("PublishMode", random.nextBoolean() ? "ingress" : "host");
            }
            if (random.nextInt(3) == 0) {
                ports.addObject().put("TargetPort", 80).put("PublishedPort", 28_000 + random.nextInt(3));
            }
            var attached = body.withObject("/Spec/TaskTemplate").putArray("Networks");
            NETWORKS.stream().filter(network -> random.nextBoolean()).forEach(network -> attached.addObject().put("Target", network));
            if (random.nextInt(4) == 0) {
                body.withObject("/Spec/Labels").put("starling.affinity", "client");
            }
            List<Document> others = new ArrayList<>(services);
            others.removeIf(document -> document.uid().equals("s" + number));
            if (random.nextInt(5) > 0) {
                others.add(Sample.document(Kind.SERVICE, "s" + number, body));
            }
            services = List.copyOf(others);
        }

        void task(int number, int service, NodeId node, Random random) {
            List<Task> of = new ArrayList<>(tasks.getOrDefault(node, List.of()));
            of.removeIf(task -> task.id().equals("t" + number));
            TreeMap<String, String> addresses = new TreeMap<>(Map.of(IngressNetwork.UID, "10.255.0." + number + "/16"));
            for (int i = 0; i < NETWORKS.size(); i++) {
                if (random.nextBoolean()) {
                    addresses.put(NETWORKS.get(i), "10.0." + (i + 1) + "." + number + "/24");
                }
            }
            TaskState state = List.of(TaskState.RUNNING, TaskState.RUNNING, TaskState.STARTING, TaskState.FAILED).get(random.nextInt(4));
            Task task = Sample.task("t" + number, Slot.replica("s" + service, number), node, state, addresses);
            if (random.nextInt(3) == 0) {
                task = task.withPickedPorts(new TreeMap<>(Map.of("tcp/" + (28_000 + number), 80 + random.nextInt(2))));
            }
            if (random.nextInt(6) > 0) {
                of.add(random.nextInt(6) == 0 ? task.withDesired(TaskState.SHUTDOWN) : task);
            }
            tasks.put(node, List.copyOf(of));
        }

        ClusterSnapshot snapshot() {
            TreeMap<Kind, List<Document>> documents = new TreeMap<>();
            for (Kind kind : Kind.values()) {
                documents.put(kind, List.of());
            }
            documents.put(Kind.SERVICE, services);
            documents.put(Kind.NETWORK, networks);
            View view = new View(new TreeMap<>(nodes), new TreeMap<>(), new TreeMap<>(), new TreeMap<>(tasks), new TreeMap<>(), new TreeMap<>());
            return new ClusterSnapshot(N1, Role.MANAGER, new TreeMap<>(members), new TreeMap<>(), view, documents);
        }

        void change(Random random) {
            switch (random.nextInt(7)) {
                case 0 -> {
                    service(random.nextInt(6), random);
                    endpoints = ServiceEndpoints.of(snapshot());
                }
                case 1 -> ready(NODES.get(random.nextInt(3)), random.nextInt(3) > 0);
                case 2 -> says(NODES.get(random.nextInt(3)), random.nextBoolean() ? MemberStatus.SUSPECT : MemberStatus.ALIVE);
                default -> task(1 + random.nextInt(20), random.nextInt(6), NODES.get(random.nextInt(3)), random);
            }
        }
    }

    @Property(tries = 150)
    void aPlanIsThatOfItsSnapshotWhateverWasBefore(@ForAll Random random) {
        World world = new World();
        BalancePlanner planner = new BalancePlanner();
        ClusterSnapshot earlier = world.snapshot();
        SortedMap<String, ServiceEndpoint> earlierEndpoints = world.endpoints;
        for (int step = 0; step < 40; step++) {
            for (int i = random.nextInt(3); i >= 0; i--) {
                world.change(random);
            }
            ClusterSnapshot now = world.snapshot();
            assertEquals(BalancePlan.of(now, world.endpoints), planner.plan(now, world.endpoints));
            if (random.nextInt(4) == 0) { // a task's start may come with an older one
                assertEquals(BalancePlan.of(earlier, earlierEndpoints), planner.plan(earlier, earlierEndpoints));
            }
            earlier = now;
            earlierEndpoints = world.endpoints;
        }
    }

    @Test
    void whatHasNotChangedIsTheSameObject() {
        World world = new World();
        List<Document> services = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            ObjectNode body = Sample.serviceBody("s" + i, 1);
            body.withObject("/Spec/TaskTemplate").putArray("Networks").addObject().put("Target", NETWORKS.get(i));
            body.withObject("/Spec/EndpointSpec").putArray("Ports").addObject().put("TargetPort", 80).put("PublishedPort", 8_000 + i);
            services.add(Sample.document(Kind.SERVICE, "s" + i, body));
            world.tasks.put(NODES.get(i), List.of(task(i, NODES.get(i))));
        }
        world.tasks.put(N1, List.of(task(0, N1), task(1, N1)));
        world.services = List.copyOf(services);
        world.endpoints = ServiceEndpoints.of(world.snapshot());
        BalancePlanner planner = new BalancePlanner();
        BalancePlan before = planner.plan(world.snapshot(), world.endpoints);
        assertSame(before.ports(), planner.plan(world.snapshot(), world.endpoints).ports(), "another snapshot of the same");
        world.tasks.put(N2, List.of());
        BalancePlan after = planner.plan(world.snapshot(), world.endpoints);
        assertEquals(3, after.ports().size());
        assertSame(before.ports().get(0), after.ports().get(0));
        assertSame(before.ports().get(2), after.ports().get(2));
        assertNotSame(before.ports().get(1), after.ports().get(1), "it lost a task");
        assertSame(before.containers().get("t0"), after.containers().get("t0"), "not in that network");
    }

    @Test
    void tasksOfASuspectedNodeAreGivenNothingNewWhileOthersAreLeft() {
        World world = new World();
        ObjectNode body = Sample.serviceBody("s0", 3);
        body.withObject("/Spec/TaskTemplate").putArray("Networks").addObject().put("Target", NETWORKS.get(0));
        body.withObject("/Spec/EndpointSpec").putArray("Ports").addObject().put("TargetPort", 80).put("PublishedPort", 8_000);
        world.services = List.of(Sample.document(Kind.SERVICE, "s0", body));
        for (int i = 1; i <= 3; i++) {
            world.tasks.put(NODES.get(i - 1), List.of(Sample.task("t" + i, Slot.replica("s0", i), NODES.get(i - 1), TaskState.RUNNING,
                    Map.of(IngressNetwork.UID, "10.255.0." + i + "/16", NETWORKS.get(0), "10.0.1." + i + "/24"))));
        }
        world.endpoints = ServiceEndpoints.of(world.snapshot());
        assertEquals("given 1 2 3 spared", shares(world));
        world.says(N3, MemberStatus.SUSPECT);
        assertEquals("given 1 2 spared 3", shares(world));
        world.says(N2, MemberStatus.SUSPECT);
        assertEquals("given 1 2 3 spared", shares(world), "most of the cluster is suspected: rather this node hears nobody");
        world.says(N2, MemberStatus.ALIVE);
        world.tasks.put(N1, List.of(world.tasks.get(N1).get(0).withDesired(TaskState.SHUTDOWN)));
        world.tasks.remove(N2);
        assertEquals("given 3 spared", shares(world), "nobody else is left");
        world.says(N3, MemberStatus.ALIVE);
        assertEquals("given 3 spared", shares(world));
    }

    /** By the last part of addresses; the published port and the virtual address have to agree. */
    private static String shares(World world) {
        BalancePlan plan = BalancePlan.of(world.snapshot(), world.endpoints);
        PublishedPort port = plan.ports().get(0);
        String ofPort = "given" + lastParts(port.backends().stream().map(Backend::address).toList()) + " spared" + lastParts(port.spared());
        plan.containers().values().forEach(services -> services.values().forEach(service ->
                assertEquals(ofPort, "given" + lastParts(service.tasks()) + " spared" + lastParts(service.spared()))));
        return ofPort;
    }

    private static String lastParts(Collection<String> addresses) {
        return addresses.stream().map(address -> " " + address.substring(address.lastIndexOf('.') + 1)).collect(Collectors.joining());
    }

    private static Task task(int number, NodeId node) {
        return Sample.task("t" + number, Slot.replica("s" + number, 1), node, TaskState.RUNNING,
                Map.of(IngressNetwork.UID, "10.255.0." + (number + node.value().charAt(4)) + "/16", NETWORKS.get(number), "10.0." + (number + 1) + ".9/24"));
    }

    /** Each port leads to its own task and no other, from before that runs until it has ended; nothing new comes to one that is to stop. */
    @Test
    void aPickedPortLeadsToItsTask() {
        World world = new World();
        ObjectNode body = Sample.serviceBody("s0", 4);
        body.withObject("/Spec/EndpointSpec").putArray("Ports").addObject().put("TargetPort", 80).put("PublishMode", "host");
        world.services = List.of(Sample.document(Kind.SERVICE, "s0", body));
        world.endpoints = ServiceEndpoints.of(world.snapshot());
        world.tasks.put(N1, List.of(picked(1, N1, TaskState.RUNNING, 80), picked(2, N1, TaskState.RUNNING, 80), picked(3, N1, TaskState.STARTING, 90),
                picked(4, N1, TaskState.RUNNING, 80).withDesired(TaskState.SHUTDOWN), picked(5, N1, TaskState.FAILED, 80)));
        world.tasks.put(N2, List.of(picked(6, N2, TaskState.RUNNING, 80)));
        assertEquals(List.of("tcp/28001 [10.255.0.1:80]", "tcp/28002 [10.255.0.2:80]", "tcp/28003 []", "tcp/28004 []"), ports(world));

        ObjectNode everywhere = Sample.serviceBody("s1", 1);
        everywhere.withObject("/Spec/EndpointSpec").putArray("Ports").addObject().put("TargetPort", 80).put("PublishedPort", 28_002);
        world.services = List.of(world.services.get(0), Sample.document(Kind.SERVICE, "s1", everywhere));
        world.endpoints = ServiceEndpoints.of(world.snapshot());
        assertEquals(List.of("tcp/28001 [10.255.0.1:80]", "tcp/28002 []", "tcp/28003 []", "tcp/28004 []"), ports(world), "no port is there twice");
        assertEquals(List.of("tcp/28002"), List.copyOf(BalancePlan.of(world.snapshot(), world.endpoints).withheld()));
    }

    private static Task picked(int number, NodeId node, TaskState state, int target) {
        return Sample.task("t" + number, Slot.replica("s0", number), node, state, Map.of(IngressNetwork.UID, "10.255.0." + number + "/16"))
                .withPickedPorts(new TreeMap<>(Map.of("tcp/" + (28_000 + number), target)));
    }

    private static List<String> ports(World world) {
        return BalancePlan.of(world.snapshot(), world.endpoints).ports().stream()
                .map(port -> port.text() + " " + port.backends().stream().map(backend -> backend.address() + ":" + backend.port()).toList()).toList();
    }
}
