package dev.starling.gossip.member;

import dev.starling.gossip.NodeId;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;

/** SWIM's round robin in random order: within two rounds each member is probed, and no two nodes go the same way round. */
final class ProbeOrder {
    private final RandomGenerator random;
    private final List<NodeId> round = new ArrayList<>();
    private int position;

    ProbeOrder(RandomGenerator random) {
        this.random = random;
    }

    /** A new member gets its turn somewhere in what is left of this round. */
    void add(NodeId id) {
        round.add(random.nextInt(position, round.size() + 1), id);
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
        round.addAll(up);
        position = 0;
        for (int i = round.size() - 1; i > 0; i--) {
            int j = random.nextInt(i + 1);
            NodeId swapped = round.get(i);
            round.set(i, round.get(j));
            round.set(j, swapped);
        }
    }
}
