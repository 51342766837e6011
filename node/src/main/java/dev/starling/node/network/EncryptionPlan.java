package dev.starling.node.network;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.trust.ExchangeKey;
import dev.starling.gossip.trust.TrustException;
import dev.starling.netlink.overlay.TunnelAlias;
import dev.starling.netlink.xfrm.Cipher;
import dev.starling.netlink.xfrm.PeerAssociations;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.KeyAcknowledgement;
import dev.starling.node.core.NodeEncryption;
import dev.starling.node.core.TunnelReach;
import dev.starling.scheduler.model.NodeView;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What the kernel should have for encrypted networks, and what this node says to its peers of it: a function of the snapshot, of this node's keys and of the paths that
 * were found.
 *
 * <pre>
 *   take in   under each of our keys with each of the peer's
 *   say       to each peer: the newest pair that we take in, and the peer's key under which we send
 *   send      under the pair that the peer says it takes in; until it has said so, as before
 *   let go    an own key once each peer that is up sends under a newer one
 * </pre>
 *
 * So nobody ever sends what the other end cannot read yet, whoever changes keys, also both at once. Each direction of each pair of keys has a key of
 * its own, and a pair of keys is never used for two associations of one direction.
 *
 * <p>Where one of two nodes is behind NAT all between them goes inside UDP, both ways. Both know that from what they say of themselves beside their keys, so it is one
 * thing with them. VXLAN knows such a peer by an alias.
 *
 * @param acknowledgements by peer
 * @param settled          whether each peer that is up sends under this node's newest key
 * @param aliases          of those that go inside UDP
 * @param sought           those to whom a path has to be found
 * @param unreachable      why there is nothing between this node and a peer that can encrypt
 */
record EncryptionPlan(List<PeerAssociations> peers, SortedMap<NodeId, KeyAcknowledgement> acknowledgements, boolean settled, SortedMap<NodeId, String> aliases,
        SortedMap<NodeId, PathFinder.Peer> sought, SortedMap<NodeId, String> unreachable) {

    /** This node's part. {@code encapsulates}: whether its kernel can, and the port is free. */
    record Own(NodeId self, Underlay underlay, boolean encapsulates, List<ExchangeKey> keys, List<Cipher> ciphers, SortedMap<NodeId, Endpoint> paths) {
        Optional<ExchangeKey> key(String id) {
            return keys.stream().filter(key -> NodeEncryption.idOf(key.publicKey()).equals(id)).findFirst();
        }

        String newest() {
            return NodeEncryption.idOf(keys.get(keys.size() - 1).publicKey());
        }
    }

    /** Those who are enrolled and say that they can encrypt. A node that is down may be back at any moment, so it counts as well. */
    static EncryptionPlan of(ClusterSnapshot snapshot, Own own, Map<String, byte[]> derived) {
        List<PeerAssociations> peers = new ArrayList<>();
        TreeMap<NodeId, KeyAcknowledgement> said = new TreeMap<>();
        TreeMap<NodeId, PathFinder.Peer> sought = new TreeMap<>();
        TreeMap<NodeId, String> unreachable = new TreeMap<>();
        TreeSet<String> addresses = new TreeSet<>(List.of(own.underlay().address()));
        SortedMap<NodeId, String> aliases = aliases(snapshot, own);
        boolean settled = true;
        for (NodeView node : snapshot.view().nodes().values()) {
            NodeEncryption theirs = snapshot.encryption().get(node.id());
            String alias = aliases.get(node.id());
            if (theirs == null || node.id().equals(own.self()) || alias == null && own.underlay().towards(node.address()).filter(addresses::add).isEmpty()) {
                continue;
            }
            Optional<Cipher> cipher = common(own.ciphers(), theirs.ciphers());
            Optional<String> obstacle = alias == null ? Optional.empty() : obstacle(own, theirs);
            obstacle.ifPresent(why -> unreachable.put(node.id(), why));
            if (cipher.isEmpty() || obstacle.isPresent()) {
                continue;
            }
            PeerKeys pair = new PeerKeys(own, node, theirs, cipher.get(), Optional.ofNullable(alias), derived);
            try {
                PeerAssociations associations = pair.associations();
                if (alias != null) {
                    sought.put(node.id(), new PathFinder.Peer(candidates(theirs), pair.pathKeys()));
                }
                peers.add(associations);
                said.put(node.id(), pair.acknowledgement(snapshot));
                settled &= !node.ready() || pair.sendsUnderNewest();
            } catch (TrustException badKey) {
                continue; // it offers a key that is none: no association with it
            }
        }
        return new EncryptionPlan(List.copyOf(peers), Collections.unmodifiableSortedMap(said), settled, aliases, Collections.unmodifiableSortedMap(sought),
                Collections.unmodifiableSortedMap(unreachable));
    }

    /** Of all that are enrolled, so that an alias changes with the cluster's members only. */
    private static SortedMap<NodeId, String> aliases(ClusterSnapshot snapshot, Own own) {
        SortedMap<String, String> all = TunnelAlias.of(snapshot.view().nodes().keySet().stream().map(NodeId::value).toList());
        TreeMap<NodeId, String> aliases = new TreeMap<>();
        snapshot.encryption().forEach((id, theirs) -> {
            boolean theirsNatted = theirs.reach().map(TunnelReach::natted).orElse(false);
            if (!id.equals(own.self()) && all.containsKey(id.value()) && (own.underlay().natted() || theirsNatted)) {
                aliases.put(id, all.get(id.value()));
            }
        });
        return Collections.unmodifiableSortedMap(aliases);
    }

    private static Optional<String> obstacle(Own own, NodeEncryption theirs) {
        return !own.encapsulates() ? Optional.of("this node cannot take ESP inside UDP") : theirs.reach().isEmpty() ? Optional.of("it cannot take ESP inside UDP")
                : Optional.empty();
    }

    private static List<Endpoint> candidates(NodeEncryption theirs) {
        return theirs.reach().map(TunnelReach::candidates).orElse(List.of()).stream().filter(place -> isIpv4(place.host())).toList();
    }

    /** The best of both where they agree on it; else ChaCha20, which no CPU is slow at. */
    private static Optional<Cipher> common(List<Cipher> ours, List<String> theirs) {
        List<Cipher> known = theirs.stream().flatMap(text -> Cipher.ofText(text).stream()).toList();
        List<Cipher> both = ours.stream().filter(known::contains).toList();
        if (both.isEmpty()) {
            return Optional.empty();
        }
        return Optional.of(ours.get(0) == known.get(0) ? ours.get(0) : both.contains(Cipher.CHACHA20_POLY1305) ? Cipher.CHACHA20_POLY1305 : both.get(0));
    }

    static boolean isIpv4(String address) {
        return address.matches("[0-9]{1,3}(\\.[0-9]{1,3}){3}");
    }
}
