package dev.starling.node.network;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.trust.ExchangeKey;
import dev.starling.netlink.xfrm.Cipher;
import dev.starling.netlink.xfrm.Encapsulation;
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
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * This node and one peer: what {@link EncryptionPlan} says, for the two of them.
 *
 * @param alias   the peer's, where what is between the two goes inside UDP
 * @param derived by purpose; a derivation is dear, and the plan is made at each change of the view
 */
record PeerKeys(EncryptionPlan.Own own, NodeView node, NodeEncryption theirs, Cipher cipher, Optional<String> alias, Map<String, byte[]> derived) {
    private static final int LEAST_SPI = 256;
    private static final int RESERVED_SPI_BIT = 0x100;

    /** One of this node's keys with one of the peer's. */
    private record Pair(ExchangeKey ours, Bytes theirs) {
        String own() {
            return NodeEncryption.idOf(ours.publicKey());
        }

        String peers() {
            return NodeEncryption.idOf(theirs);
        }
    }

    PeerAssociations associations() {
        List<SecurityAssociation> inbound = new ArrayList<>();
        all().forEach(pair -> inbound.add(inbound(pair)));
        boolean settled = said().filter(ack -> ack.own().equals(NodeEncryption.idOf(theirs.newest()))).flatMap(ack -> own.key(ack.sendsTo())).isPresent();
        return new PeerAssociations(alias.orElseGet(this::there), List.copyOf(inbound), agreed().flatMap(this::outbound), settled);
    }

    /** The one that the peer surely has first; then all, the oldest first, since everybody knows that. */
    List<PathKey> pathKeys() {
        Map<String, PathKey> keys = new LinkedHashMap<>();
        agreed().ifPresent(pair -> keys.put(pair.own() + pair.peers(), pathKey(pair)));
        all().forEach(pair -> keys.putIfAbsent(pair.own() + pair.peers(), pathKey(pair)));
        return List.copyOf(keys.values());
    }

    KeyAcknowledgement acknowledgement(ClusterSnapshot snapshot) {
        String before = Optional.ofNullable(snapshot.encryption().get(own.self())).map(all -> all.acknowledged().get(node.id()))
                .map(KeyAcknowledgement::sendsTo).orElse("");
        return new KeyAcknowledgement(own.newest(), NodeEncryption.idOf(theirs.newest()), agreed().map(Pair::peers).orElse(before));
    }

    boolean sendsUnderNewest() {
        return said().filter(ack -> ack.peers().equals(own.newest()) && ack.sendsTo().equals(own.newest())).isPresent();
    }

    private List<Pair> all() {
        return own.keys().stream().flatMap(ours -> theirs.keys().stream().map(key -> new Pair(ours, key))).toList();
    }

    private Optional<KeyAcknowledgement> said() {
        return Optional.ofNullable(theirs.acknowledged().get(own.self()));
    }

    /** The keys that the peer says it takes in, as far as both ends still have them. */
    private Optional<Pair> agreed() {
        return said().flatMap(ack -> own.key(ack.peers()).flatMap(ours -> theirs.key(ack.own()).map(key -> new Pair(ours, key))));
    }

    private SecurityAssociation inbound(Pair pair) {
        String purpose = purpose(node.id(), own.self(), pair.theirs(), pair.ours().publicKey());
        String here = own.underlay().address();
        if (alias.isEmpty()) {
            return association(pair, purpose, there(), here, Optional.empty());
        }
        Optional<Endpoint> path = path(); // the kernel takes packets from elsewhere as well, and would tell each time that they do
        return association(pair, purpose, path.map(Endpoint::host).orElse(alias.get()), here,
                Optional.of(new Encapsulation(path.map(Endpoint::port).orElse(own.underlay().udpPort()), own.underlay().udpPort(), alias.get(), here)));
    }

    /** Empty inside UDP as long as no path is known. */
    private Optional<SecurityAssociation> outbound(Pair pair) {
        String purpose = purpose(own.self(), node.id(), pair.ours().publicKey(), pair.theirs());
        String here = own.underlay().address();
        return alias.isEmpty() ? Optional.of(association(pair, purpose, here, there(), Optional.empty()))
                : path().map(path -> association(pair, purpose, here, path.host(),
                        Optional.of(new Encapsulation(own.underlay().udpPort(), path.port(), here, alias.get()))));
    }

    /** Where the peer is, if nothing is in between. */
    private String there() {
        return own.underlay().towards(node.address()).orElseThrow(() -> new IllegalStateException(node.id() + " was planned without a common family of addresses"));
    }

    private Optional<Endpoint> path() {
        return Optional.ofNullable(own.paths().get(node.id()));
    }

    private SecurityAssociation association(Pair pair, String purpose, String source, String destination, Optional<Encapsulation> udp) {
        byte[] bytes = derive(pair, purpose, Cipher.KEY_BYTES + Integer.BYTES);
        int spi = ByteBuffer.wrap(bytes).getInt(Cipher.KEY_BYTES);
        return new SecurityAssociation(source, destination, Integer.compareUnsigned(spi, LEAST_SPI) < 0 ? spi | RESERVED_SPI_BIT : spi, VxlanEncryption.GROUP, cipher,
                EspKey.of(Arrays.copyOf(bytes, Cipher.KEY_BYTES)), udp);
    }

    private PathKey pathKey(Pair pair) {
        boolean first = own.self().compareTo(node.id()) < 0; // both ends have to say the same
        String nodes = first ? own.self() + " " + node.id() : node.id() + " " + own.self();
        String keys = first ? hex(pair.ours().publicKey()) + " " + hex(pair.theirs()) : hex(pair.theirs()) + " " + hex(pair.ours().publicKey());
        return new PathKey(pair.own(), pair.peers(), derive(pair, "path " + nodes + " " + keys, PathKey.SECRET_BYTES));
    }

    private byte[] derive(Pair pair, String purpose, int length) {
        return derived.computeIfAbsent(purpose, absent -> pair.ours().derive(pair.theirs(), purpose, length));
    }

    private String purpose(NodeId sender, NodeId receiver, Bytes senders, Bytes receivers) {
        return "esp " + cipher.text() + " " + sender + " " + receiver + " " + hex(senders) + " " + hex(receivers);
    }

    private static String hex(Bytes key) {
        return HexFormat.of().formatHex(key.array());
    }
}
