package dev.starling.scheduler.lease;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.NodeId;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Time;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** Found by random runs: of five stewards one was gone, two nodes had two votes each, and kept them for ever. */
class SplitVoteTest {
    private static final Slot SLOT = Slot.replica("db", 1);
    private static final NodeId DEAD = id(5);

    private record Letter(long at, NodeId from, NodeId to, LeaseMessage message) {}

    private final TreeMap<NodeId, Leases> nodes = new TreeMap<>();
    private final List<Letter> wire = new ArrayList<>();

    @Test
    void oneOfTwoNodesThatHaveHalfTheVotesEachGetsTheSlot() {
        TreeSet<NodeId> all = new TreeSet<>();
        for (int number = 1; number <= 5; number++) {
            all.add(id(number));
        }
        all.stream().filter(id -> !id.equals(DEAD)).forEach(id -> nodes.put(id, new Leases(id, LeaseConfig.defaults())));
        nodes.values().forEach(leases -> leases.start(0));
        List<NodeId> ready = List.copyOf(nodes.keySet());
        long now = 60_000; // nobody votes just after a start
        for (NodeId wants : List.of(id(1), id(2))) {
            TreeMap<Slot, Leases.Wish> wishes = new TreeMap<>();
            wishes.put(SLOT, new Leases.Wish(SLOT, new Stewards(0, all), all, ready));
            nodes.get(wants).want(wishes, new TreeSet<>(), now);
        }
        boolean split = false;
        for (long end = now + 60_000; now < end && holders(now) == 0; now++) {
            for (var node : nodes.entrySet()) {
                node.getValue().tick(new Time(now, 1_700_000_000_000L + now));
                carry(node.getKey(), now);
            }
            if (!split) { // each one's first words reach itself and one more
                wire.removeIf(letter -> Math.abs(letter.to().compareTo(letter.from())) % 2 == 1);
                split = true;
            }
            for (Letter letter : List.copyOf(wire)) {
                if (letter.at() <= now) {
                    wire.remove(letter);
                    nodes.get(letter.to()).receive(letter.from(), letter.message(), now);
                    carry(letter.to(), now);
                }
            }
        }
        assertEquals(1, holders(now));
        assertTrue(now > 61_000, "the votes were split at first");
    }

    private static NodeId id(int number) {
        return new NodeId("n" + number);
    }

    private void carry(NodeId from, long now) {
        for (Leases.Output output : nodes.get(from).drain()) {
            if (output instanceof Leases.Output.Send send && !send.to().equals(DEAD)) {
                wire.add(new Letter(now + 1, from, send.to(), send.message()));
            }
        }
    }

    private long holders(long now) {
        return nodes.values().stream().filter(leases -> leases.token(SLOT, now).isPresent()).count();
    }
}
