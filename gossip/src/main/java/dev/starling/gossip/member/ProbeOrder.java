package dev.starling.gossip.member;

import dev.starling.gossip.Fingerprint;
import dev.starling.gossip.NodeId;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * SWIM's round robin in random order: within two rounds each member is probed, and no two nodes go the same way round.
 *
 * <p>Above {@link #EVERYONE} members a node probes only some: those that are 1, 2, 3, 4, 6, 8, 12, 16 ... places after it on the ring of all
 * ids in the order of their hashes. About 2 log2(n) members are so watched by it, and as many watch it; each is probed as often as before,
 * while connections stay few and in use. Otherwise, with thousands of nodes, nearly each probe would need a new one and its handshake.
 */
final class ProbeOrder {
    static final int EVERYONE = 64;
    private static final long INDEX_BITS = 0x7fff; // Members.MAX_MEMBERS fits in

    private final NodeId self;
    private final RandomGenerator random;
    private final List<NodeId> round = new ArrayList<>();
    private int position;

    ProbeOrder(NodeId self, RandomGenerator random) {
        this.self = self;
        this.random = random;
    }

    /** A new member gets its turn somewhere in what is left of this round; with many members in the next, from those that are near. */
    void add(NodeId id, Members members) {
        if (members.up().size() <= EVERYONE) {
            round.add(random.nextInt(position, round.size() + 1), id);
        }
    }

    /** The member whose turn it is; null where there is none. Members that are no longer up lose their turn. */
    NodeId next(Members members) {
        for (int pass = 0; pass < 2; pass++) {
            while (position < round.size()) {
                NodeId id = round.get(position++);
                if (members.isUp(id)) {
                    return id;
                }
            }
            begin(members.up());
        }
        return null;
    }

    private void begin(List<NodeId> up) {
        round.clear();
        if (up.size() <= EVERYONE) {
            round.addAll(up);
        } else {
            addWatched(up);
        }
        position = 0;
        for (int i = round.size() - 1; i > 0; i--) {
            int j = random.nextInt(i + 1);
            NodeId swapped = round.get(i);
            round.set(i, round.get(j));
            round.set(j, swapped);
        }
    }

    private void addWatched(List<NodeId> up) {
        long[] ring = new long[up.size()];
        for (int i = 0; i < ring.length; i++) {
            ring[i] = place(up.get(i)) | i;
        }
        Arrays.sort(ring);
        int next = -1 - Arrays.binarySearch(ring, place(self) | INDEX_BITS);
        for (int distance = 1; distance <= ring.length; distance *= 2) {
            add(distance, next, ring, up);
            if (distance > 1 && distance / 2 * 3 <= ring.length) {
                add(distance / 2 * 3, next, ring, up);
            }
        }
    }

    private void add(int distance, int next, long[] ring, List<NodeId> up) {
        round.add(up.get((int) (ring[(next + distance - 1) % ring.length] & INDEX_BITS)));
    }

    private static long place(NodeId id) {
        return Fingerprint.of(id.value()) & ~INDEX_BITS;
    }
}
