package dev.starling.node.network;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.trust.ExchangeKey;
import dev.starling.netlink.NetlinkException;
import dev.starling.netlink.overlay.OverlayNetwork;
import dev.starling.netlink.xfrm.Cipher;
import dev.starling.netlink.xfrm.EspSupport;
import dev.starling.netlink.xfrm.SecurityAssociation;
import dev.starling.netlink.xfrm.VxlanEncryption;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.KeyAcknowledgement;
import dev.starling.node.core.NodeEncryption;
import dev.starling.node.core.TunnelReach;
import dev.starling.node.spec.NetworkSpecReader;
import dev.starling.runtime.RuntimeShimException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The encryption of overlay networks on this host: has the keys, changes them in time, and keeps the kernel and this node's record as
 * {@link EncryptionPlan} says. What is said in the record is in the kernel by then. Keys are in memory only: a new process has new ones, and what the kernel
 * has of the old stays in use until the peers know the new.
 *
 * <p>Associations exist between all nodes that can encrypt as soon as there is an encrypted network, wherever its tasks are: so the first packet finds them.
 */
public final class NetworkEncryption {
    private static final Logger LOG = LoggerFactory.getLogger(NetworkEncryption.class);
    /** What has not changed is compared with the kernel's that often, not at each snapshot. */
    private static final long CHECK_NANOS = 2_500_000_000L;
    /** Between two changes of keys because something in the kernel was lost: somebody who flushes it all the time must not keep the cluster busy. */
    private static final long REPAIR_NANOS = 10_000_000_000L;
    /** Until it is worth a word that no path to a peer was found. */
    private static final long PATHLESS_NANOS = 30_000_000_000L;
    /** Between two changes of what this node says of how others see it: behind some NAT they all see something else. */
    private static final long SEEN_NANOS = 30_000_000_000L;

    /** To the core. */
    public interface Announcements {
        /** Oldest first; none: this node cannot encrypt. */
        void keys(List<Bytes> keys, List<String> ciphers, Optional<TunnelReach> reach);

        void acknowledge(SortedMap<NodeId, KeyAcknowledgement> acknowledgements);
    }

    private final VxlanEncryption kernel;
    private final EspSupport support;
    private final Announcements record;
    private final Underlay underlay;
    private final TunnelPaths paths;
    private final long renewalNanos;
    /** Under {@code this}: oldest first; one, or more while peers have still to hear of the last. */
    private final List<ExchangeKey> keys = new ArrayList<>();
    private final Map<String, byte[]> derived = new HashMap<>();
    private long newestSince;
    private EncryptionPlan applied;
    private volatile SortedMap<NodeId, String> aliases = Collections.emptySortedMap();
    private volatile SortedMap<NodeId, String> unreachable = Collections.emptySortedMap();
    private Optional<Endpoint> seenAs = Optional.empty();
    private long seenSince;
    private String portTrouble;
    private final TreeMap<NodeId, Long> pathlessSince = new TreeMap<>();
    private long checked;

    public NetworkEncryption(VxlanEncryption kernel, EspSupport support, Announcements record, Underlay underlay, TunnelPaths paths, Duration renewal) {
        this.kernel = kernel;
        this.support = support;
        this.record = record;
        this.underlay = underlay;
        this.paths = paths;
        this.renewalNanos = renewal.toNanos();
    }

    /** Offers the first key. */
    public synchronized void start(long nowNanos) {
        if (support.available()) {
            addKey(nowNanos);
        }
        offer();
    }

    private void addKey(long nowNanos) {
        keys.add(ExchangeKey.generate());
        if (keys.size() > NodeEncryption.MOST_KEYS) {
            keys.remove(0);
            derived.clear();
        }
        newestSince = nowNanos;
    }

    private void offer() {
        record.keys(keys.stream().map(ExchangeKey::publicKey).toList(), support.ciphers().stream().map(Cipher::text).toList(),
                support.encapsulation() && EncryptionPlan.isIpv4(underlay.address()) ? Optional.of(reach()) : Optional.empty());
    }

    private TunnelReach reach() {
        List<Endpoint> places = Stream.of(Optional.of(new Endpoint(underlay.address(), underlay.udpPort())), underlay.udpAdvertise(), seenAs)
                .flatMap(Optional::stream).distinct().toList();
        return new TunnelReach(underlay.natted(), places);
    }

    /** Where NAT is before this node, those who are behind another one have to know as what they will see it. */
    private void noteHowOthersSeeThisNode(long nowNanos) {
        Optional<Endpoint> seen = underlay.natted() ? paths.seenAs() : Optional.empty();
        if (seen.isPresent() && !seen.equals(seenAs) && (seenAs.isEmpty() || nowNanos - seenSince >= SEEN_NANOS)) {
            seenAs = seen;
            seenSince = nowNanos;
            offer();
        }
    }

    /** By which VXLAN of encrypted networks sends to peers that are reached inside UDP. */
    SortedMap<NodeId, String> aliases() {
        return aliases;
    }

    /** The peers that nothing of an encrypted network goes to or comes from, with the reason. */
    public SortedMap<NodeId, String> unreachable() {
        return unreachable;
    }

    /**
     * Before the first device of {@code network} is made: from then on nothing of it leaves or comes in the clear.
     *
     * @throws RuntimeShimException where this host cannot encrypt it
     */
    void secure(OverlayNetwork network) {
        if (!network.encrypted()) {
            return;
        }
        if (!support.available()) {
            throw new RuntimeShimException(RuntimeShimException.Kind.SYSTEM,
                    "network " + network.uid() + " is encrypted and this kernel lacks " + String.join("; ", support.missing()), 0, null);
        }
        kernel.refusePlaintext(underlay.address());
    }

    synchronized void reconcile(ClusterSnapshot snapshot, long nowNanos) {
        if (!support.available()) {
            return;
        }
        if (snapshot.documents().getOrDefault(Kind.NETWORK, List.of()).stream().noneMatch(network -> NetworkSpecReader.isEncrypted(network.spec()))) {
            if (applied != null) {
                clear();
            }
            return;
        }
        if (nowNanos - newestSince >= renewalNanos) {
            addKey(nowNanos);
        }
        noteHowOthersSeeThisNode(nowNanos);
        EncryptionPlan plan = plan(snapshot);
        aliases = plan.aliases();
        if (!plan.equals(applied) || nowNanos - checked >= CHECK_NANOS) {
            applied = null;
            apply(plan, snapshot, nowNanos);
            checked = nowNanos;
        }
        unreachable = unreachable(plan, nowNanos);
        if (plan.settled() && keys.size() > 1) {
            LOG.debug("all peers use the key {}", NodeEncryption.idOf(keys.get(keys.size() - 1).publicKey()));
            keys.subList(0, keys.size() - 1).clear();
            derived.clear();
            offer();
        }
    }

    private EncryptionPlan plan(ClusterSnapshot snapshot) {
        return EncryptionPlan.of(snapshot, new EncryptionPlan.Own(snapshot.self(), underlay, support.encapsulation() && EncryptionPlan.isIpv4(underlay.address()),
                List.copyOf(keys), support.ciphers(), paths.found()), derived);
    }

    private void apply(EncryptionPlan plan, ClusterSnapshot snapshot, long nowNanos) {
        follow(plan, snapshot);
        Set<SecurityAssociation.Id> lost = kernel.apply(underlay.address(), plan.peers(), nowNanos);
        if (!lost.isEmpty() && nowNanos - newestSince >= REPAIR_NANOS) {
            LOG.warn("somebody removed the ESP associations {} from the kernel; this node changes its keys", lost);
            addKey(nowNanos);
            EncryptionPlan repaired = plan(snapshot);
            follow(repaired, snapshot);
            kernel.apply(underlay.address(), repaired.peers(), nowNanos);
            announce(repaired);
        } else {
            announce(plan);
        }
    }

    /** Without the port the associations are of no use, but those with other peers are; it is tried again each round. */
    private void follow(EncryptionPlan plan, ClusterSnapshot snapshot) {
        try {
            paths.follow(snapshot.self(), plan.sought());
            portTrouble = null;
        } catch (NetlinkException e) {
            if (!e.getMessage().equals(portTrouble)) {
                LOG.warn("nodes behind NAT are not reached: {}; set another 'udp-port' below 'overlay:', or end what has the port", e.getMessage());
            }
            portTrouble = e.getMessage();
        }
    }

    private SortedMap<NodeId, String> unreachable(EncryptionPlan plan, long nowNanos) {
        TreeMap<NodeId, String> why = new TreeMap<>(plan.unreachable());
        SortedMap<NodeId, Endpoint> found = paths.found();
        pathlessSince.keySet().removeIf(peer -> !plan.sought().containsKey(peer) || found.containsKey(peer));
        for (NodeId peer : plan.sought().keySet()) {
            if (!found.containsKey(peer) && nowNanos - pathlessSince.computeIfAbsent(peer, absent -> nowNanos) >= PATHLESS_NANOS) {
                why.put(peer, portTrouble != null ? portTrouble : "it does not answer by UDP at " + plan.sought().get(peer).candidates());
            }
        }
        return Collections.unmodifiableSortedMap(why);
    }

    /** Keys and what is said of them go together. */
    private void announce(EncryptionPlan plan) {
        offer();
        record.acknowledge(plan.acknowledgements());
        applied = plan;
    }

    /** No encrypted network any more, or this node leaves. What refuses plaintext stays: it concerns nothing but our own port. */
    public synchronized void clear() {
        if (support.available()) {
            kernel.apply(underlay.address(), List.of(), System.nanoTime());
            aliases = Collections.emptySortedMap();
            unreachable = Collections.emptySortedMap();
            paths.follow(null, Collections.emptySortedMap());
            record.acknowledge(Collections.emptySortedMap());
            applied = null;
        }
    }
}
