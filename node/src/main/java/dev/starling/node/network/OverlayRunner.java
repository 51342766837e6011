package dev.starling.node.network;

import dev.starling.gossip.NodeId;
import dev.starling.gossip.desired.Kind;
import dev.starling.netlink.NetlinkException;
import dev.starling.netlink.overlay.LocalEndpoint;
import dev.starling.netlink.overlay.Overlay;
import dev.starling.netlink.overlay.OverlayNetwork;
import dev.starling.netlink.overlay.RemoteEndpoint;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.dns.DnsServer;
import dev.starling.node.spec.IngressNetwork;
import dev.starling.runtime.ContainerRuntime;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.scheduler.model.Task;
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
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps this host's overlay networks as the snapshot wants them: devices, FDB and neighbour entries, a name server on each network's
 * gateway address, and the rules behind services' addresses. One thread works on the newest snapshot; those that came meanwhile are skipped. It also goes round every few seconds,
 * so that what failed is tried again.
 */
public final class OverlayRunner implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(OverlayRunner.class);
    private static final long ROUND_MILLIS = 3_000;
    /** A network stays this long after its last use: a task that is being claimed may need it before the snapshot shows it. */
    private static final long IDLE_NANOS = 10_000_000_000L;
    /** More than a round takes, unless the kernel does not answer. */
    private static final long CLOSE_MILLIS = 10_000;

    private final Overlay overlay;
    private final DnsServer dns;
    private final ServiceAddresses services;
    private final NetworkEncryption encryption;
    private final Underlay underlay;
    private final long idleNanos;
    private final AtomicReference<ClusterSnapshot> newest = new AtomicReference<>();
    private final LongAdder failures = new LongAdder();
    private final Thread thread = new Thread(this::run, "overlay");
    /** Under {@code this}: what the kernel has, as far as this agent made it. */
    private final Map<String, OverlayNetwork> ensured = new HashMap<>();
    private final Map<String, SortedSet<RemoteEndpoint>> synced = new HashMap<>();
    private final Map<String, Long> lastNeeded = new HashMap<>();
    private volatile SortedMap<NodeId, String> apart = Collections.emptySortedMap();
    private volatile boolean reconsider;
    private volatile boolean closed;

    public OverlayRunner(Overlay overlay, DnsServer dns, ServiceAddresses services, NetworkEncryption encryption, Underlay underlay) {
        this(overlay, dns, services, encryption, underlay, IDLE_NANOS);
    }

    OverlayRunner(Overlay overlay, DnsServer dns, ServiceAddresses services, NetworkEncryption encryption, Underlay underlay, long idleNanos) {
        this.overlay = overlay;
        this.dns = dns;
        this.services = services;
        this.encryption = encryption;
        this.underlay = underlay;
        this.idleNanos = idleNanos;
        thread.setDaemon(true);
    }

    public void start() {
        thread.start();
    }

    public void update(ClusterSnapshot snapshot) {
        newest.set(snapshot);
        synchronized (newest) {
            newest.notifyAll();
        }
    }

    /** Something that is not in the snapshot has changed. */
    public void reconsider() {
        reconsider = true;
        synchronized (newest) {
            newest.notifyAll();
        }
    }

    public long failures() {
        return failures.sum();
    }

    /** Nodes whose containers this one's cannot reach, with what is in the way. */
    public SortedMap<NodeId, String> unreachable() {
        TreeMap<NodeId, String> why = new TreeMap<>();
        apart.forEach((node, address) -> why.put(node, "it advertises " + address + " and this node's tunnels end at " + underlay.address()
                + "; both have to be IPv4 addresses, or both IPv6 ('advertise', or 'address' below 'overlay:')"));
        return why;
    }

    /** Makes the networks of {@code task} ready and says how its container is attached. Called by the task's runner. */
    public ContainerRuntime.NetworkSetup setup(Task task, ClusterSnapshot snapshot) {
        List<OverlayNetwork> networks = new ArrayList<>();
        List<LocalEndpoint> endpoints = new ArrayList<>();
        Optional<String> wayOut = wayOut(task, snapshot);
        for (Map.Entry<String, String> entry : task.addresses().entrySet()) {
            OverlayNetwork network = network(snapshot, entry.getKey());
            ensure(network);
            endpoints.add(new LocalEndpoint(task.id(), entry.getValue(), "eth" + networks.size(), wayOut.equals(Optional.of(network.uid()))));
            networks.add(network);
        }
        return (containerId, netns) -> {
            try {
                if (networks.isEmpty()) {
                    overlay.loopbackUp(netns);
                }
                for (int i = 0; i < networks.size(); i++) {
                    overlay.attach(networks.get(i), endpoints.get(i), netns);
                }
                services.furnish(task, netns, snapshot);
            } catch (NetlinkException e) {
                throw new RuntimeShimException(RuntimeShimException.Kind.SYSTEM, "network: " + e.getMessage(), e.errno(), e);
            }
        };
    }

    /** The network of the default route: ingress, since what came by it has to go back by it; else the first that is not internal. */
    private Optional<String> wayOut(Task task, ClusterSnapshot snapshot) {
        return task.addresses().containsKey(IngressNetwork.UID) ? Optional.of(IngressNetwork.UID)
                : task.addresses().keySet().stream().filter(uid -> !network(snapshot, uid).internal()).findFirst();
    }

    /** The network as this host makes it. */
    public OverlayNetwork network(ClusterSnapshot snapshot, String networkUid) {
        return Optional.ofNullable(snapshot.document(Kind.NETWORK, networkUid)).flatMap(document -> OverlayPlan.onThisNode(snapshot, underlay, document))
                .map(network -> networkUid.equals(IngressNetwork.UID) && !overlay.hasIpv6() ? network.withoutIpv6() : network)
                .orElseThrow(() -> RuntimeShimException.notFound("network " + networkUid + " not found"));
    }

    private synchronized void ensure(OverlayNetwork network) {
        lastNeeded.put(network.uid(), System.nanoTime());
        if (network.equals(ensured.get(network.uid()))) {
            return;
        }
        encryption.secure(network);
        synced.remove(network.uid()); // a device that is made anew, or a bridge that gets another MAC, has lost its tables
        try {
            overlay.ensure(network, underlay.address());
            dns.listen(network.uid(), network.gateway());
            ensured.put(network.uid(), network);
        } catch (RuntimeException e) {
            failures.increment();
            throw new RuntimeShimException(RuntimeShimException.Kind.SYSTEM,
                    "network " + network.uid() + " (" + network.subnet() + "): " + e.getMessage(),
                    e instanceof NetlinkException netlink ? netlink.errno() : 0, e);
        }
    }

    private void run() {
        ClusterSnapshot done = null;
        while (!closed) {
            awaitNewerThan(done);
            reconsider = false;
            ClusterSnapshot now = newest.get();
            done = now;
            if (now != null && !closed) {
                attempt("networks", () -> reconcile(now)); // whatever it meets: without this thread nothing would be mended any more
            }
        }
    }

    private void awaitNewerThan(ClusterSnapshot done) {
        synchronized (newest) {
            if (newest.get() == done && !reconsider) {
                try {
                    newest.wait(ROUND_MILLIS);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    closed = true;
                }
            }
        }
    }

    private void reconcile(ClusterSnapshot snapshot) {
        attempt("encryption of networks", () -> encryption.reconcile(snapshot, System.nanoTime()));
        OverlayPlan whole = OverlayPlan.of(snapshot, underlay, encryption.aliases());
        apart = whole.apart();
        OverlayPlan plan = overlay.hasIpv6() ? whole : whole.withIngressOfIpv4();
        dns.update(NameTables.of(snapshot, services.available() ? services.endpoints(snapshot) : Map.of(), services.hasVirtualIpv6()));
        for (OverlayNetwork network : plan.networks().values()) {
            attempt("network " + network.uid(), () -> {
                ensure(network);
                sync(network, plan);
            });
        }
        attempt("published ports and virtual addresses", () -> services.reconcile(snapshot, plan));
        attempt("unused networks", this::removeUnused);
    }

    private synchronized void sync(OverlayNetwork network, OverlayPlan plan) {
        SortedSet<RemoteEndpoint> wanted = plan.remotes().get(network.uid());
        if (!wanted.equals(synced.get(network.uid()))) {
            overlay.sync(network, wanted);
            synced.put(network.uid(), wanted);
        }
    }

    private synchronized void removeUnused() {
        lastNeeded.values().removeIf(last -> System.nanoTime() - last > idleNanos);
        for (String uid : List.copyOf(ensured.keySet())) {
            if (!lastNeeded.containsKey(uid)) {
                ensured.remove(uid); // first: where the rest fails half of it may be gone, and who needs it next makes it whole
                synced.remove(uid);
                dns.close(uid);
                overlay.remove(uid);
            }
        }
        Set<String> keep = new HashSet<>();
        lastNeeded.keySet().forEach(uid -> keep.add(overlay.deviceKey(uid)));
        for (String key : overlay.present()) {
            if (!keep.contains(key)) {
                overlay.remove(key);
            }
        }
    }

    private void attempt(String what, Runnable work) {
        try {
            work.run();
        } catch (RuntimeException e) {
            failures.increment();
            LOG.warn("{}: {}; will be tried again", what, e.getMessage());
        }
    }

    /** Returns when the round under way is over: what is taken away after that stays away. */
    @Override
    public void close() {
        closed = true;
        thread.interrupt();
        try {
            thread.join(CLOSE_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
