package dev.starling.scheduler.plan;

import dev.starling.gossip.NodeId;
import dev.starling.scheduler.filter.Demand;
import dev.starling.scheduler.filter.Occupancy;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.Rendezvous;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.View;
import dev.starling.scheduler.slot.ServiceSlots;
import dev.starling.scheduler.slot.SlotState;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Supplier;

/**
 * The one move that evens a service out most: from the fullest node to the emptiest that has room. It has to gain two tasks of difference, so
 * each move makes the spread strictly more even, and no move is ever the opposite of one before.
 *
 * <pre>
 *   n1  n2  n3 (new)          n1 3, n2 3, n3 0: a difference of 3, move    -> 2 3 1: of 2, move -> 2 2 2: none
 * </pre>
 *
 * <p>With placement preferences the difference is that of the outermost branches in which the two nodes differ.
 */
public final class Balance {
    private static final int LEAST_SURPLUS = 2;

    /** @param slot of {@code from}, to be run by {@code to} */
    public record Move(Slot slot, NodeId from, NodeId to) {}

    private Balance() {}

    /** Empty where the service is as even as moves can make it. All its slots run. */
    public static Optional<Move> of(View view, ServiceSlots slots, Demand demand, Supplier<Occupancy> occupancy) {
        List<NodeView> nodes = view.nodes().values().stream().filter(demand::suits).toList();
        SpreadCounts counts = new SpreadCounts(nodes, slots.service().spreadPreferences());
        SortedMap<NodeId, Integer> places = new TreeMap<>();
        for (int i = 0; i < nodes.size(); i++) {
            places.put(nodes.get(i).id(), i);
        }
        for (int slot = 0; slot < slots.wanted().size(); slot++) {
            Integer place = places.get(slots.wanted().holder(slot).node());
            if (place != null) {
                counts.add(place);
            }
        }
        if (nodes.isEmpty() || !counts.hasSurplus(LEAST_SURPLUS)) {
            return Optional.empty();
        }
        int from = -1;
        int to = -1;
        for (int giver = 0; giver < nodes.size(); giver++) {
            for (int taker = 0; counts.tasks(giver) > 0 && taker < nodes.size(); taker++) {
                int surplus = counts.surplus(giver, taker);
                boolean better = from < 0 || surplus > counts.surplus(from, to);
                if (surplus >= LEAST_SURPLUS && better && demand.fits(nodes.get(taker), occupancy.get().load(nodes.get(taker).id()))) {
                    from = giver;
                    to = taker;
                }
            }
        }
        if (from < 0) {
            return Optional.empty();
        }
        NodeId giver = nodes.get(from).id();
        NodeId taker = nodes.get(to).id();
        return slots.wanted().stream().filter(state -> state.holder().node().equals(giver)).map(SlotState::slot)
                .max(Comparator.comparingLong((Slot slot) -> Rendezvous.score(slot, taker)).thenComparing(slot -> slot))
                .map(slot -> new Move(slot, giver, taker));
    }
}
