package dev.starling.node.network;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.random.RandomGenerator;

/**
 * Finds by which address and port each peer takes ESP inside UDP, where NAT is between. What it sends goes from the very port of the ESP, so what it finds is true for
 * that, and an answer that comes back has opened the way. Only answers count, which nobody can give who has not got the question and the key. No I/O, no clock.
 *
 * <p>Two peers that are both behind NAT learn each other's mapping from what a third saw ({@link #seenAs}, which their records carry), and both ask: each question opens
 * the own NAT for the other's. Where NAT gives each destination another port (a symmetric one, at both ends) that does not work, and the peers stay without a path.
 */
final class PathFinder {
    /** @param keys which pairs of keys are taken; the first is what is sent under */
    record Peer(List<Endpoint> candidates, List<PathKey> keys) {}

    record Packet(Endpoint to, byte[] payload) {}

    private final RandomGenerator random;
    private final TreeMap<NodeId, PeerPath> paths = new TreeMap<>();
    private NodeId self;
    private SortedMap<NodeId, Peer> peers = Collections.emptySortedMap();

    PathFinder(RandomGenerator random) {
        this.random = random;
    }

    void follow(NodeId me, SortedMap<NodeId, Peer> wanted, long nowMillis) {
        self = me;
        peers = wanted;
        paths.keySet().retainAll(wanted.keySet());
        wanted.forEach((id, peer) -> paths.computeIfAbsent(id, absent -> new PeerPath()).mayBeAt(peer.candidates(), nowMillis));
    }

    /** Called each half a second or so. */
    List<Packet> tick(long nowMillis) {
        List<Packet> packets = new ArrayList<>();
        paths.forEach((id, path) -> ask(id, path, nowMillis, packets));
        return packets;
    }

    private void ask(NodeId id, PeerPath path, long nowMillis, List<Packet> packets) {
        PathKey key = peers.get(id).keys().get(0);
        path.due(nowMillis, random).forEach((nonce, place) ->
                packets.add(new Packet(place, new PathMessage(self, id, key.own(), key.peers(), nonce, Optional.empty()).encode(key))));
    }

    List<Packet> received(Endpoint from, byte[] payload, long nowMillis) {
        PathMessage message = PathMessage.decode(payload).filter(decoded -> decoded.receiver().equals(self)).orElse(null);
        Peer peer = message == null ? null : peers.get(message.sender());
        PathKey key = peer == null ? null : peer.keys().stream()
                .filter(known -> known.own().equals(message.receiverKey()) && known.peers().equals(message.senderKey())).findFirst().orElse(null);
        if (key == null || !key.verifies(payload)) {
            return List.of();
        }
        PeerPath path = paths.get(message.sender());
        if (message.isAnswer()) {
            path.answered(from, message.nonce(), message.seen().orElseThrow(), nowMillis);
            return List.of();
        }
        List<Packet> packets = new ArrayList<>();
        if (path.asked(from, nowMillis)) {
            packets.add(new Packet(from, message.answer(from).encode(key)));
            ask(message.sender(), path, nowMillis, packets);
        }
        return packets;
    }

    SortedMap<NodeId, Endpoint> paths() {
        TreeMap<NodeId, Endpoint> found = new TreeMap<>();
        paths.forEach((id, path) -> {
            if (path.path() != null) {
                found.put(id, path.path());
            }
        });
        return Collections.unmodifiableSortedMap(found);
    }

    /** As what most peers see this node. */
    Optional<Endpoint> seenAs() {
        TreeMap<Endpoint, Integer> votes = new TreeMap<>();
        paths.values().stream().filter(path -> path.seenAs() != null).forEach(path -> votes.merge(path.seenAs(), 1, Integer::sum));
        return votes.entrySet().stream().max(Map.Entry.<Endpoint, Integer>comparingByValue().thenComparing(Map.Entry.comparingByKey())).map(Map.Entry::getKey);
    }
}
