package dev.starling.node.network;

import dev.starling.gossip.NodeId;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.member.MemberStatus;
import dev.starling.netlink.balance.Backend;
import dev.starling.netlink.balance.Choice;
import dev.starling.netlink.balance.PublishedPort;
import dev.starling.netlink.balance.VirtualService;
import dev.starling.netlink.nft.Transport;
import dev.starling.netlink.overlay.OverlayNetwork;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.node.spec.IngressNetwork;
import dev.starling.node.spec.NetworkSpecReader;
import dev.starling.node.spec.ServiceEndpoint;
import dev.starling.node.spec.SiteLabels;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.HostPort;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Makes {@link BalancePlan}s out of what is new in each snapshot. Of a thousand services with ten tasks each one changes at a time, and a plan from
 * nothing costs more than all that follows from it.
 *
 * <p>A snapshot shares with the one before what has not changed (lists of tasks, documents, endpoints), which is how changes are found:
 *
 * <pre>
 * node whose tasks or state are others -> services whose balanced tasks there are others --+
 * document or endpoint that is another -> its service -------------------------------------+-> its ports; its networks -> containers in them
 * </pre>
 *
 * A plan depends on its snapshot alone, in whatever order snapshots come: the memory saves work and decides nothing. Not for several threads.
 */
final class BalancePlanner {
    private static final Comparator<PublishedPort> PORT_ORDER = Comparator.comparing(PublishedPort::transport).thenComparingInt(PublishedPort::port);

    /** A task that is given connections: as much of it as rules are made from. */
    private record Balanced(String id, SortedMap<String, String> addresses, SortedMap<String, Integer> pickedPorts, boolean local, boolean suspect) {
        boolean isOn(String network) {
            return addresses.containsKey(network);
        }

        String address(String network) {
            return OverlayPlan.withoutPrefix(addresses.get(network));
        }
    }

    /**
     * The tasks of a service in a network: those that are given new connections, and those that are not, since their node is suspected, but keep what they
     * have. A suspicion may be wrong, so it must cost nothing: where nobody else is left all are given some, and clients that stay with a task do so.
     */
    private record Shares(List<Balanced> given, List<Balanced> spared) {
        static Shares of(List<Balanced> tasks, String network, Choice choice) {
            List<Balanced> all = tasks.stream().filter(task -> task.isOn(network)).toList();
            List<Balanced> trusted = all.stream().filter(task -> !task.suspect()).toList();
            return choice == Choice.BY_CLIENT || trusted.isEmpty() || trusted.size() == all.size() ? new Shares(all, List.of())
                    : new Shares(trusted, all.stream().filter(Balanced::suspect).toList());
        }
    }

    private record OfNode(List<Task> tasks, boolean ready, boolean suspect, Map<String, List<Balanced>> byService) {}

    /** A service as it is reached in one network, by IPv4 or by IPv6. */
    private record Lead(String virtual, VirtualService service) {}

    /** @param picked ports of this node's own tasks, each of which leads to one of them */
    private record OfService(Document document, ServiceEndpoint endpoint, List<PublishedPort> ports, List<PublishedPort> picked,
            SortedMap<String, List<Lead>> leads) {}

    private record OfContainer(Set<String> networks, SortedMap<String, VirtualService> services) {}

    /** What differs from the plan before: services by uid, networks by uid, and whether a published port does. */
    private static final class Changes {
        final Set<String> services = new HashSet<>();
        final Set<String> networks = new HashSet<>();
        boolean ports;

        void between(OfService before, OfService after) {
            ports |= !before.ports().equals(after.ports()) || !before.picked().equals(after.picked());
            before.leads().forEach((network, leads) -> note(network, leads, after.leads().get(network)));
            after.leads().forEach((network, leads) -> note(network, leads, before.leads().get(network)));
        }

        private void note(String network, List<Lead> leads, List<Lead> others) {
            if (!leads.equals(others)) {
                networks.add(network);
            }
        }
    }

    private final TreeMap<NodeId, OfNode> nodes = new TreeMap<>();
    private final TreeMap<String, OfService> services = new TreeMap<>();
    private final Map<String, SortedMap<String, VirtualService>> networks = new HashMap<>();
    private final Map<String, OfContainer> containers = new HashMap<>();
    /** Services with tasks here that have not ended, and what was picked for those: "tcp/28000" to the port in the container. */
    private Map<String, SortedMap<String, Integer>> ownServices = Map.of();
    private Map<String, OverlayNetwork> withIpv6 = Map.of();
    private SortedMap<String, ServiceEndpoint> endpoints;
    private ClusterSnapshot planned;
    private BalancePlan plan = new BalancePlan(List.of(), Collections.emptySortedMap(), Collections.emptySortedSet(),
            Collections.emptySortedSet());

    /** @param current who has which port and address; the same map until that changes */
    BalancePlan plan(ClusterSnapshot snapshot, SortedMap<String, ServiceEndpoint> current) {
        if (snapshot == planned && current == endpoints) {
            return plan;
        }
        Changes changes = new Changes();
        noteTasks(snapshot, changes);
        noteNetworks(snapshot, changes);
        noteDocuments(snapshot, current, changes);
        for (String uid : changes.services) {
            OfService before = services.get(uid);
            if (before != null) {
                OfService after = made(before.document(), before.endpoint());
                changes.between(before, after);
                services.put(uid, after);
            }
        }
        collectNetworks(changes.networks);
        SortedSet<String> withheld = changes.ports ? withheld() : plan.withheld();
        plan = new BalancePlan(changes.ports ? ports(withheld) : plan.ports(), containers(snapshot, changes.networks), ownBalanced(snapshot), withheld);
        planned = snapshot;
        return plan;
    }

    private void noteTasks(ClusterSnapshot snapshot, Changes changes) {
        SortedMap<NodeId, List<Task>> tasks = snapshot.view().tasks();
        Set<NodeId> suspects = suspects(snapshot);
        for (NodeId node : List.copyOf(nodes.keySet())) {
            if (!tasks.containsKey(node)) {
                changes.services.addAll(nodes.remove(node).byService().keySet());
            }
        }
        tasks.forEach((node, ofNode) -> {
            NodeView view = snapshot.view().nodes().get(node);
            boolean ready = view != null && view.ready();
            boolean suspect = suspects.contains(node);
            OfNode before = nodes.get(node);
            if (before == null || before.tasks() != ofNode || before.ready() != ready || before.suspect() != suspect) {
                Map<String, List<Balanced>> had = before == null ? Map.of() : before.byService();
                Map<String, List<Balanced>> has = ready ? byService(ofNode, node.equals(snapshot.self()), suspect) : Map.of();
                had.forEach((uid, balanced) -> noteIf(!balanced.equals(has.get(uid)), uid, changes));
                has.forEach((uid, balanced) -> noteIf(!balanced.equals(had.get(uid)), uid, changes));
                nodes.put(node, new OfNode(ofNode, ready, suspect, has));
            }
        });
        Map<String, SortedMap<String, Integer>> own = new HashMap<>();
        tasks.getOrDefault(snapshot.self(), List.of()).stream().filter(task -> !task.state().isTerminal())
                .forEach(task -> own.computeIfAbsent(task.slot().serviceUid(), uid -> new TreeMap<>()).putAll(task.pickedPorts()));
        own.forEach((uid, picked) -> noteIf(!picked.equals(ownServices.get(uid)), uid, changes));
        ownServices.keySet().forEach(uid -> noteIf(!own.containsKey(uid), uid, changes));
        ownServices = own;
    }

    private static void noteIf(boolean changed, String service, Changes changes) {
        if (changed) {
            changes.services.add(service);
        }
    }

    /** None where more than half of the nodes are: then it is rather this one that hears nobody. */
    private static Set<NodeId> suspects(ClusterSnapshot snapshot) {
        Set<NodeId> suspects = new HashSet<>();
        int up = 0;
        for (Member member : snapshot.members().values()) {
            up += member.status().isUp() ? 1 : 0;
            if (member.status() == MemberStatus.SUSPECT && !member.id().equals(snapshot.self())) {
                suspects.add(member.id());
            }
        }
        return suspects.size() * 2 > up ? Set.of() : suspects;
    }

    private static Map<String, List<Balanced>> byService(List<Task> tasks, boolean local, boolean suspect) {
        Map<String, List<Balanced>> byService = new HashMap<>();
        for (Task task : tasks) {
            if (task.state() == TaskState.RUNNING && task.isActive()) {
                byService.computeIfAbsent(task.slot().serviceUid(), uid -> new ArrayList<>()).add(new Balanced(task.id(), task.addresses(),
                        local ? task.pickedPorts() : Collections.emptySortedMap(), local, suspect));
            }
        }
        return byService;
    }

    private void noteNetworks(ClusterSnapshot snapshot, Changes changes) {
        List<Document> documents = snapshot.documents().get(Kind.NETWORK);
        if (planned == null || documents != planned.documents().get(Kind.NETWORK)) {
            Map<String, OverlayNetwork> now = NetworkSpecReader.withIpv6(documents);
            if (!now.equals(withIpv6)) {
                changes.services.addAll(services.keySet());
                withIpv6 = now;
            }
        }
    }

    private void noteDocuments(ClusterSnapshot snapshot, SortedMap<String, ServiceEndpoint> current, Changes changes) {
        List<Document> documents = snapshot.documents().get(Kind.SERVICE);
        if (current == endpoints && planned != null && documents == planned.documents().get(Kind.SERVICE)) {
            return;
        }
        OfService none = new OfService(null, null, List.of(), List.of(), Collections.emptySortedMap());
        Set<String> present = new HashSet<>();
        for (Document document : documents) {
            OfService before = services.getOrDefault(document.uid(), none);
            ServiceEndpoint endpoint = current.get(document.uid());
            present.add(document.uid());
            if (before.document() != document || !endpoint.equals(before.endpoint())) {
                services.put(document.uid(), new OfService(document, endpoint, before.ports(), before.picked(), before.leads()));
                changes.services.add(document.uid());
            }
        }
        for (String uid : List.copyOf(services.keySet())) {
            if (!present.contains(uid)) {
                changes.between(services.remove(uid), none);
            }
        }
        endpoints = current;
    }

    private OfService made(Document document, ServiceEndpoint endpoint) {
        List<Balanced> tasks = new ArrayList<>();
        nodes.values().forEach(node -> tasks.addAll(node.byService().getOrDefault(document.uid(), List.of())));
        Choice choice = SiteLabels.staysWithClient(document.spec()) ? Choice.BY_CLIENT : Choice.RANDOM;
        boolean localOnly = SiteLabels.keepsToOwnTasks(document.spec());
        List<PublishedPort> ports = endpoint.ports().stream().filter(port -> port.ingress() || !port.isOpen() && ownServices.containsKey(document.uid()))
                .map(port -> published(port, tasks, localOnly || !port.ingress(), choice)).toList();
        TreeMap<String, List<Lead>> leads = new TreeMap<>();
        endpoint.virtualAddresses().forEach((network, virtual) -> leads.put(network, leads(network, virtual, Shares.of(tasks, network, choice), choice)));
        return new OfService(document, endpoint, ports, picked(ownServices.getOrDefault(document.uid(), Collections.emptySortedMap()), tasks), leads);
    }

    /** Also of tasks that are not given connections: the node holds a port from before its task starts until it has ended. */
    private static List<PublishedPort> picked(SortedMap<String, Integer> ports, List<Balanced> tasks) {
        List<PublishedPort> picked = new ArrayList<>();
        ports.forEach((hostPort, target) -> {
            TreeSet<Backend> backends = new TreeSet<>();
            tasks.stream().filter(task -> task.pickedPorts().containsKey(hostPort) && task.isOn(IngressNetwork.UID))
                    .forEach(task -> backends.add(new Backend(task.address(IngressNetwork.UID), target, true)));
            HostPort port = HostPort.of(hostPort);
            picked.add(new PublishedPort(transport(port.protocol()), port.number(),
                    Collections.unmodifiableSortedSet(backends), Collections.emptySortedSet(), Choice.RANDOM));
        });
        return List.copyOf(picked);
    }

    private static Transport transport(String protocol) {
        return protocol.equals("udp") ? Transport.UDP : Transport.TCP;
    }

    /** Virtual addresses of IPv6 and those of tasks follow from the others in the same way. */
    private List<Lead> leads(String network, String virtual, Shares shares, Choice choice) {
        Lead lead = new Lead(virtual, new VirtualService(addresses(shares.given(), network), addresses(shares.spared(), network), choice));
        return Optional.ofNullable(withIpv6.get(network)).flatMap(other -> other.ipv6(virtual).map(twin -> List.of(lead,
                new Lead(twin, new VirtualService(twins(lead.service().tasks(), other), twins(lead.service().spared(), other), choice))))).orElse(List.of(lead));
    }

    private static SortedSet<String> twins(SortedSet<String> addresses, OverlayNetwork network) {
        TreeSet<String> twins = new TreeSet<>();
        addresses.forEach(address -> network.ipv6(address).ifPresent(twins::add));
        return Collections.unmodifiableSortedSet(twins);
    }

    private static PublishedPort published(ServiceEndpoint.Port port, List<Balanced> tasks, boolean localOnly, Choice choice) {
        Shares shares = Shares.of(localOnly ? tasks.stream().filter(Balanced::local).toList() : tasks, IngressNetwork.UID, choice);
        TreeSet<Backend> backends = new TreeSet<>();
        shares.given().forEach(task -> backends.add(new Backend(task.address(IngressNetwork.UID), port.target(), task.local())));
        return new PublishedPort(transport(port.protocol()), port.published(),
                Collections.unmodifiableSortedSet(backends), addresses(shares.spared(), IngressNetwork.UID), choice);
    }

    private static SortedSet<String> addresses(List<Balanced> tasks, String network) {
        TreeSet<String> addresses = new TreeSet<>();
        tasks.forEach(task -> addresses.add(task.address(network)));
        return Collections.unmodifiableSortedSet(addresses);
    }

    private void collectNetworks(Set<String> changed) {
        Map<String, SortedMap<String, VirtualService>> collected = new HashMap<>();
        changed.forEach(network -> collected.put(network, new TreeMap<>()));
        if (!changed.isEmpty()) {
            services.values().forEach(service -> service.leads().forEach((network, leads) -> {
                if (collected.containsKey(network)) {
                    leads.forEach(lead -> collected.get(network).put(lead.virtual(), lead.service()));
                }
            }));
        }
        collected.forEach((network, reached) -> {
            if (reached.isEmpty()) {
                networks.remove(network);
            } else {
                networks.put(network, reached);
            }
        });
    }

    private SortedSet<String> withheld() {
        TreeSet<String> withheld = new TreeSet<>();
        services.values().forEach(service -> service.picked().forEach(port -> withheld.add(port.text())));
        if (!withheld.isEmpty()) {
            Set<String> given = new HashSet<>();
            services.values().forEach(service -> service.ports().forEach(port -> given.add(port.text())));
            withheld.retainAll(given);
        }
        return Collections.unmodifiableSortedSet(withheld);
    }

    private List<PublishedPort> ports(SortedSet<String> withheld) {
        List<PublishedPort> ports = new ArrayList<>();
        services.values().forEach(service -> {
            ports.addAll(service.ports());
            service.picked().stream().filter(port -> !withheld.contains(port.text())).forEach(ports::add);
        });
        ports.sort(PORT_ORDER);
        return Collections.unmodifiableList(ports);
    }

    private SortedMap<String, SortedMap<String, VirtualService>> containers(ClusterSnapshot snapshot, Set<String> changed) {
        TreeMap<String, SortedMap<String, VirtualService>> seen = new TreeMap<>();
        Set<String> present = new HashSet<>();
        for (Task task : own(snapshot)) {
            if (!task.state().isTerminal()) {
                Set<String> attached = task.addresses().keySet();
                OfContainer before = containers.get(task.id());
                if (before == null || !before.networks().equals(attached) || attached.stream().anyMatch(changed::contains)) {
                    containers.put(task.id(), new OfContainer(Set.copyOf(attached), reachedFrom(attached)));
                }
                present.add(task.id());
                if (!containers.get(task.id()).services().isEmpty()) {
                    seen.put(task.id(), containers.get(task.id()).services());
                }
            }
        }
        containers.keySet().retainAll(present);
        return Collections.unmodifiableSortedMap(seen);
    }

    private SortedMap<String, VirtualService> reachedFrom(Set<String> attached) {
        TreeMap<String, VirtualService> reached = new TreeMap<>();
        attached.forEach(network -> reached.putAll(networks.getOrDefault(network, Collections.emptySortedMap())));
        return Collections.unmodifiableSortedMap(reached);
    }

    private SortedSet<String> ownBalanced(ClusterSnapshot snapshot) {
        TreeSet<String> balanced = new TreeSet<>();
        OfNode own = nodes.get(snapshot.self());
        if (own != null) {
            own.byService().values().forEach(tasks -> tasks.forEach(task -> balanced.add(task.id())));
        }
        return Collections.unmodifiableSortedSet(balanced);
    }

    private static List<Task> own(ClusterSnapshot snapshot) {
        return snapshot.view().tasks().getOrDefault(snapshot.self(), List.of());
    }
}
