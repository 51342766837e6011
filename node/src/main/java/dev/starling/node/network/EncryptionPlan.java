package dev.starling.node.network;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.trust.ExchangeKey;
import dev.starling.gossip.trust.TrustException;
import dev.starling.netlink.xfrm.Cipher;
import dev.starling.netlink.xfrm.EspKey;
import dev.starling.netlink.xfrm.PeerAssociations;
import dev.starling.netlink.xfrm.SecurityAssociation;
import dev.starling.netlink.xfrm.VxlanEncryption;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.KeyAcknowledgement;
import dev.starling.node.core.NodeEncryption;
import dev.starling.scheduler.model.NodeView;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What the kernel should have for encrypted networks, and what this node says to its peers of it: a function of the snapshot and of this node's keys.
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
 * @param acknowledgements by peer
 * @param settled          whether each peer that is up sends under this node's newest key
 */
record EncryptionPlan(List<PeerAssociations> peers, SortedMap<NodeId, KeyAcknowledgement> acknowledgements, boolean settled) {
    private static final int LEAST_SPI = 256;
    private static final int RESERVED_SPI_BIT = 0x100;

    /** The parties of one plan. */
    record Own(NodeId self, String address, List<ExchangeKey> keys, List<Cipher> ciphers) {
        Optional<ExchangeKey> key(String id) {
            return keys.stream().filter(key -> NodeEncryption.idOf(key.publicKey()).equals(id)).findFirst();
        }

        String newest() {
            return NodeEncryption.idOf(keys.get(keys.size() - 1).publicKey());
        }
    }

    /** Those who are enrolled and say that they can encrypt. A node that is down may be back at any moment, so it counts as well. */
    static EncryptionPlan of(ClusterSnapshot snapshot, Own own, Map<String, SecurityAssociation> derived) {
        List<PeerAssociations> peers = new ArrayList<>();
        TreeMap<NodeId, KeyAcknowledgement> said = new TreeMap<>();
        TreeSet<String> addresses = new TreeSet<>(List.of(own.address()));
        boolean settled = true;
        for (NodeView node : snapshot.view().nodes().values()) {
            NodeEncryption theirs = snapshot.encryption().get(node.id());
            if (theirs == null || node.id().equals(own.self()) || !isIpv4(node.address()) || !addresses.add(node.address())) {
                continue;
            }
            Optional<Cipher> cipher = common(own.ciphers(), theirs.ciphers());
            if (cipher.isEmpty()) {
                continue;
            }
            Pair pair = new Pair(own, node, theirs, cipher.get(), derived);
            try {
                peers.add(pair.associations());
                said.put(node.id(), pair.acknowledgement(snapshot));
                settled &= !node.ready() || pair.sendsUnderNewest();
            } catch (TrustException badKey) {
                continue; // it offers a key that is none: no association with it
            }
        }
        return new EncryptionPlan(List.copyOf(peers), Collections.unmodifiableSortedMap(said), settled);
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

    private static boolean isIpv4(String address) {
        return address.matches("[0-9]{1,3}(\\.[0-9]{1,3}){3}");
    }

    /** This node and one peer. */
    private record Pair(Own own, NodeView node, NodeEncryption theirs, Cipher cipher, Map<String, SecurityAssociation> derived) {
        PeerAssociations associations() {
            List<SecurityAssociation> inbound = new ArrayList<>();
            for (ExchangeKey ours : own.keys()) {
                theirs.keys().forEach(key -> inbound.add(association(ours, key, false)));
            }
            boolean settled = said().filter(ack -> ack.own().equals(NodeEncryption.idOf(theirs.newest()))).flatMap(ack -> own.key(ack.sendsTo())).isPresent();
            return new PeerAssociations(node.address(), List.copyOf(inbound), outbound(), settled);
        }

        private Optional<KeyAcknowledgement> said() {
            return Optional.ofNullable(theirs.acknowledged().get(own.self()));
        }

        /** Under the keys that the peer says it takes in, as far as both ends still have them. */
        private Optional<SecurityAssociation> outbound() {
            return said().flatMap(ack -> own.key(ack.peers()).flatMap(ours -> theirs.key(ack.own()).map(key -> association(ours, key, true))));
        }

        KeyAcknowledgement acknowledgement(ClusterSnapshot snapshot) {
            String before = Optional.ofNullable(snapshot.encryption().get(own.self())).map(all -> all.acknowledged().get(node.id()))
                    .map(KeyAcknowledgement::sendsTo).orElse("");
            return new KeyAcknowledgement(own.newest(), NodeEncryption.idOf(theirs.newest()),
                    outbound().isPresent() ? said().map(KeyAcknowledgement::own).orElse("") : before);
        }

        boolean sendsUnderNewest() {
            return said().filter(ack -> ack.peers().equals(own.newest()) && ack.sendsTo().equals(own.newest())).isPresent();
        }

        private SecurityAssociation association(ExchangeKey ours, Bytes key, boolean outbound) {
            String purpose = outbound ? purpose(own.self(), node.id(), ours.publicKey(), key) : purpose(node.id(), own.self(), key, ours.publicKey());
            String addresses = own.address() + "/" + node.address();
            return derived.computeIfAbsent(addresses + " " + purpose, absent -> {
                byte[] bytes = ours.derive(key, purpose, Cipher.KEY_BYTES + Integer.BYTES);
                int spi = ByteBuffer.wrap(bytes).getInt(Cipher.KEY_BYTES);
                return new SecurityAssociation(outbound ? own.address() : node.address(), outbound ? node.address() : own.address(),
                        Integer.compareUnsigned(spi, LEAST_SPI) < 0 ? spi | RESERVED_SPI_BIT : spi, VxlanEncryption.GROUP, cipher,
                        EspKey.of(Arrays.copyOf(bytes, Cipher.KEY_BYTES)));
            });
        }

        private String purpose(NodeId sender, NodeId receiver, Bytes senders, Bytes receivers) {
            return "esp " + cipher.text() + " " + sender + " " + receiver + " " + hex(senders) + " " + hex(receivers);
        }

        private static String hex(Bytes key) {
            return java.util.HexFormat.of().formatHex(key.array());
        }
    }
}
