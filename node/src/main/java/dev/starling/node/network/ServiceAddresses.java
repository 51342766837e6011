package dev.starling.node.network;

import dev.starling.gossip.desired.Kind;
import dev.starling.netlink.Errno;
import dev.starling.netlink.NetlinkException;
import dev.starling.netlink.balance.Balancer;
import dev.starling.netlink.balance.HostNetworks;
import dev.starling.netlink.balance.PublishedPort;
import dev.starling.netlink.balance.VirtualService;
import dev.starling.netlink.overlay.Overlay;
import dev.starling.netlink.overlay.OverlayNetwork;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.node.spec.IngressNetwork;
import dev.starling.node.spec.ServiceEndpoint;
import dev.starling.node.spec.ServiceEndpoints;
import dev.starling.node.spec.SiteLabels;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Published ports and virtual addresses on this host, kept as the snapshot wants them. Without the kernel's help for it there are none. */
public final class ServiceAddresses implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ServiceAddresses.class);
    /** How long a task that is out of this node's balance goes on, so that other nodes have heard of it too. */
    private static final long NEWS_NANOS = 300_000_000L;
    private static final long LEAVE_NANOS = 2_000_000_000L;
    private static final long POLL_NANOS = 10_000_000L;
    /** What has not changed is compared with the kernel's that often, not at each snapshot. */
    private static final long CHECK_NANOS = 2_500_000_000L;

    private record Known(List<Document> services, List<Document> networks, SortedMap<String, ServiceEndpoint> endpoints) {}

    private final Balancer balancer;
    private final Overlay overlay;
    private final boolean available;
    private final HeldPorts ports = new HeldPorts();
    private final BalancePlanner planner = new BalancePlanner();
    /** Of the overlay's thread: what was last programmed, and when all of it was last compared with the kernel's. */
    private HostNetworks host;
    private HostNetworks hostIpv6;
    private final Ipv6Backends ipv6Backends = new Ipv6Backends();
    private volatile Optional<String> ipv6Lacks = Optional.empty();
    private List<PublishedPort> asked = List.of();
    private List<PublishedPort> had = List.of();
    private final Map<String, SortedMap<String, VirtualService>> inside = new HashMap<>();
    private long checked = System.nanoTime() - CHECK_NANOS;
    private volatile SortedSet<String> balanced = Collections.emptySortedSet();
    private volatile SortedSet<String> withheld = Collections.emptySortedSet();
    private volatile List<String> conflicts = List.of();
    private volatile Optional<String> affinityLacks = Optional.empty();
    private SortedMap<String, ServiceEndpoint> noted;
    private volatile Known known;

    /** @param missing what the kernel lacks for it, see {@link Balancer#missing} */
    public ServiceAddresses(Balancer balancer, Overlay overlay, List<String> missing) {
        this.balancer = balancer;
        this.overlay = overlay;
        this.available = missing.isEmpty();
    }

    /** Whether names may lead to virtual addresses. */
    boolean available() {
        return available;
    }

    /** Whether names may lead to virtual addresses of IPv6. */
    boolean hasVirtualIpv6() {
        return available && balancer.missingForIpv6().isEmpty();
    }

    /** Who has which port and address. Found anew only where services or networks have changed: rounds and starts of tasks are far more frequent. */
    SortedMap<String, ServiceEndpoint> endpoints(ClusterSnapshot snapshot) {
        List<Document> of = snapshot.documents().get(Kind.SERVICE);
        List<Document> in = snapshot.documents().get(Kind.NETWORK);
        Known last = known;
        if (last == null || last.services() != of || last.networks() != in) { // the same lists until one of their documents changes
            last = new Known(of, in, ServiceEndpoints.of(snapshot));
            known = last;
        }
        return last.endpoints();
    }

    /** For {@code docker info}: ports that services asked for and do not have here. */
    public List<String> warnings() {
        List<String> warnings = new ArrayList<>(conflicts);
        ports.refusals().forEach(refusal -> warnings.add("published " + refusal));
        withheld.forEach(port -> warnings.add("published port " + port + " of this node, which it picked for a task, leads to the service that has it on all nodes"));
        affinityLacks.ifPresent(lack -> warnings.add("services with the label starling.affinity give connections to any task on this node, for its kernel lacks " + lack));
        ipv6Lacks.ifPresent(lack -> warnings.add("ports are not published on IPv6 addresses of this node, and containers do not leave by IPv6, for its kernel lacks " + lack));
        return warnings.stream().map(warning -> "WARNING: " + warning).toList();
    }

    /** Rules for the networks of {@code plan}, which this host has by now. */
    void reconcile(ClusterSnapshot snapshot, OverlayPlan plan) {
        if (!available) {
            return;
        }
        SortedMap<String, ServiceEndpoint> endpoints = endpoints(snapshot);
        BalancePlan wanted = plan(snapshot, endpoints);
        noteTroubles(snapshot, endpoints);
        boolean due = System.nanoTime() - checked >= CHECK_NANOS;
        List<PublishedPort> published = had(wanted.ports(), due);
        program(new HostNetworks(plan.networks().values().stream().map(network ->
                new HostNetworks.Network(overlay.bridge(network.uid()), network.subnet(), network.internal())).toList(),
                Optional.ofNullable(plan.networks().get(IngressNetwork.UID)).map(network ->
                        new HostNetworks.Ingress(overlay.bridge(network.uid()), network.gateway())),
                published), ipv6(plan, published), due);
        containers(snapshot, wanted, due);
        balanced = wanted.balanced();
        withheld = wanted.withheld();
        checked = due ? System.nanoTime() : checked;
    }

    /** From nothing for the first, from what has changed for those after it; for the overlay's thread and those that start tasks. */
    private BalancePlan plan(ClusterSnapshot snapshot, SortedMap<String, ServiceEndpoint> endpoints) {
        synchronized (planner) {
            return planner.plan(snapshot, endpoints);
        }
    }

    /** Those of {@code wanted} that no other process of this host has. */
    private List<PublishedPort> had(List<PublishedPort> wanted, boolean due) {
        if (due || wanted != asked) { // the same list until a port or what is behind it changes
            TreeSet<String> named = new TreeSet<>();
            wanted.forEach(port -> named.add(port.text()));
            ports.releaseAllBut(named);
            had = wanted.stream().filter(port -> ports.take(port.text())).toList();
            asked = wanted;
        }
        return had;
    }

    /** The same for the networks that have IPv6. */
    private HostNetworks ipv6(OverlayPlan plan, List<PublishedPort> published) {
        List<OverlayNetwork> networks = plan.networks().values().stream().filter(OverlayNetwork::hasIpv6).toList();
        if (networks.isEmpty()) {
            ipv6Lacks = Optional.empty();
            return HostNetworks.NONE;
        }
        ipv6Lacks = balancer.missingForIpv6();
        Optional<OverlayNetwork> ingress = networks.stream().filter(network -> network.uid().equals(IngressNetwork.UID)).findFirst();
        return new HostNetworks(networks.stream().map(network ->
                new HostNetworks.Network(overlay.bridge(network.uid()), network.ipv6Subnet(), network.internal())).toList(),
                ingress.map(network -> new HostNetworks.Ingress(overlay.bridge(network.uid()), network.ipv6(network.gateway()).orElseThrow())),
                ingress.map(network -> ipv6Backends.of(published, network)).orElse(List.of()));
    }

    private void program(HostNetworks wanted, HostNetworks ipv6, boolean due) {
        if (due || !wanted.equals(host) || !ipv6.equals(hostIpv6)) {
            host = null;
            balancer.host(wanted, ipv6);
            host = wanted;
            hostIpv6 = ipv6;
        }
    }

    /** What {@code docker info} is to warn of. */
    private void noteTroubles(ClusterSnapshot snapshot, SortedMap<String, ServiceEndpoint> endpoints) {
        if (endpoints != noted) {
            List<String> now = endpoints.values().stream().flatMap(endpoint -> endpoint.conflicts().stream()).toList();
            now.stream().filter(conflict -> !conflicts.contains(conflict)).forEach(LOG::warn);
            conflicts = now;
            affinityLacks = snapshot.documents().get(Kind.SERVICE).stream().anyMatch(service -> SiteLabels.staysWithClient(service.spec()))
                    ? balancer.missingForAffinity() : Optional.empty();
            noted = endpoints;
        }
    }

    /** One that does not take its rules keeps none of the others without theirs; the round has failed all the same. */
    private void containers(ClusterSnapshot snapshot, BalancePlan wanted, boolean due) {
        NetlinkException failed = null;
        for (Task task : snapshot.view().tasks().getOrDefault(snapshot.self(), List.of())) {
            boolean runs = task.state() == TaskState.RUNNING && task.pid() > 0 && wanted.containers().containsKey(task.id());
            if (runs && (due || !wanted.containers().get(task.id()).equals(inside.get(task.id())))) {
                Path netns = Path.of("/proc/" + task.pid() + "/ns/net");
                if (isOfContainer(netns)) {
                    inside.remove(task.id());
                    try {
                        program(task, netns, wanted);
                        inside.put(task.id(), wanted.containers().get(task.id()));
                    } catch (NetlinkException e) {
                        if (failed == null) {
                            failed = e;
                        } else {
                            failed.addSuppressed(e);
                        }
                    }
                }
            }
        }
        inside.keySet().retainAll(wanted.containers().keySet());
        balancer.forgetAllBut(new TreeSet<>(wanted.containers().keySet()));
        if (failed != null) {
            throw failed;
        }
    }

    private void program(Task task, Path netns, BalancePlan wanted) {
        try {
            balancer.container(task.id(), netns, wanted.containers().get(task.id()));
        } catch (NetlinkException e) {
            if (e.errno() != Errno.ENOENT || isOfContainer(netns)) { // else it has just ended
                throw e;
            }
        }
    }

    /** A process id may be somebody else's by now, and this host's own rules must never be taken for a container's. */
    private static boolean isOfContainer(Path netns) {
        try {
            return !Files.readSymbolicLink(netns).equals(Files.readSymbolicLink(Path.of("/proc/self/ns/net")));
        } catch (IOException ended) {
            return false;
        }
    }

    /** Before the first process of {@code task} runs: it finds services by their virtual addresses from the start. */
    void furnish(Task task, Path netns, ClusterSnapshot snapshot) {
        if (!available) {
            return;
        }
        BalancePlan wanted = plan(snapshot, endpoints(snapshot));
        if (wanted.containers().containsKey(task.id())) {
            balancer.container(task.id(), netns, wanted.containers().get(task.id()));
        }
    }

    /** Takes the ports of this host that {@code task} has to have. */
    public void takeHostPorts(Task task, ClusterSnapshot snapshot) {
        ServiceEndpoint endpoint = endpoints(snapshot).get(task.slot().serviceUid());
        if (endpoint == null) {
            return;
        }
        List<String> wanted = new ArrayList<>(task.pickedPorts().keySet());
        endpoint.ports().stream().filter(port -> !port.ingress() && !port.isOpen()).forEach(port -> wanted.add(port.text()));
        if (wanted.isEmpty()) {
            return;
        }
        if (!available) {
            throw new RuntimeShimException(RuntimeShimException.Kind.SYSTEM, "this node cannot publish ports: its kernel lacks nf_tables features, "
                    + "see docker info", 0, null);
        }
        Set<String> onAllNodes = new HashSet<>();
        if (!task.pickedPorts().isEmpty()) {
            endpoints(snapshot).values().forEach(other -> other.ports().stream().filter(ServiceEndpoint.Port::ingress).forEach(port -> onAllNodes.add(port.text())));
        }
        for (String port : wanted) {
            if (onAllNodes.contains(port)) {
                throw new RuntimeShimException(RuntimeShimException.Kind.SYSTEM, "host port " + port
                        + " was picked for this task, and is published on all nodes by a service", Errno.EADDRINUSE, null);
            }
            if (!ports.take(port)) {
                throw new RuntimeShimException(RuntimeShimException.Kind.SYSTEM, "host " + ports.refusal(port), Errno.EADDRINUSE, null);
            }
        }
    }

    /** Waits until nothing new is sent to {@code task}, which is about to be stopped; not for long. */
    public void awaitOutOfBalance(Task task, ClusterSnapshot snapshot) {
        if (task.addresses().isEmpty() || snapshot.document(Kind.SERVICE, task.slot().serviceUid()) == null) {
            return;
        }
        long start = System.nanoTime();
        while (balanced.contains(task.id()) && System.nanoTime() - start < LEAVE_NANOS && !Thread.currentThread().isInterrupted()) {
            LockSupport.parkNanos(POLL_NANOS);
        }
        long end = System.nanoTime() + NEWS_NANOS;
        while (System.nanoTime() < end && !Thread.currentThread().isInterrupted()) {
            LockSupport.parkNanos(end - System.nanoTime());
        }
    }

    /** This node leaves: its rules go. */
    public void remove() {
        if (available) {
            balancer.remove();
        }
    }

    @Override
    public void close() {
        ports.close();
    }
}
