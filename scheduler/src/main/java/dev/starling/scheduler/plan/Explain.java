package dev.starling.scheduler.plan;

import dev.starling.gossip.NodeId;
import dev.starling.scheduler.filter.Brief;
import dev.starling.scheduler.filter.Demand;
import dev.starling.scheduler.filter.Filter;
import dev.starling.scheduler.filter.NodeLoad;
import dev.starling.scheduler.filter.Occupancy;
import dev.starling.scheduler.model.NodeConditions;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.Refusal;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.View;
import dev.starling.scheduler.slot.SlotState;
import dev.starling.scheduler.slot.SlotTable;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Why a slot is where it is, or nowhere: each node's verdict, and all of them in one line.
 *
 * @param verdicts in node order
 */
public record Explain(Slot slot, List<Verdict> verdicts) {
    /** What one node says to a slot. */
    public sealed interface Verdict {
        NodeId node();

        /** For people, e.g. "insufficient memory: wants 512.0 MiB, 100.0 MiB free". */
        String text();
    }

    /** A filter rules the node out. */
    public record Filtered(NodeId node, Filter filter, Brief brief, String text) implements Verdict {}

    /** The node has the slot. */
    public record Holds(NodeId node, Task task) implements Verdict {
        @Override
        public String text() {
            return "has it: " + task.state().wireName() + ", price " + task.price() + (task.error().isEmpty() ? "" : "; " + task.error());
        }
    }

    /** The node could, by what is known of it, but has said no. */
    public record Refused(NodeId node, String text) implements Verdict {}

    /** The node would take it. @param byVote only with the votes of the slot's stewards */
    public record Offer(NodeId node, int price, NodeConditions conditions, boolean byVote) implements Verdict {
        @Override
        public String text() {
            return "can take it" + (byVote ? " with its stewards' votes" : "") + ", price " + price
                    + (conditions.price() == 0 ? "" : ", of it " + conditions.price() + " for: " + conditions.text());
        }
    }

    /** Empty if the service of the slot is not there. */
    public static Optional<Explain> slot(View view, Slot slot) {
        Task holder = SlotTable.of(view).wanted(slot).map(SlotState::holder).orElse(null);
        return Optional.ofNullable(view.services().get(slot.serviceUid()))
                .map(service -> of(view, Occupancy.of(view), Demand.of(service, view), slot, holder));
    }

    static Explain of(View view, Occupancy occupancy, ServiceSpec service, Slot slot) {
        return of(view, occupancy, Demand.of(service, view), slot, null);
    }

    static Explain of(View view, Occupancy occupancy, Demand demand, Slot slot, Task holder) {
        List<Verdict> verdicts = new ArrayList<>();
        for (NodeView node : view.nodes().values()) {
            if (!slot.isGlobal() || slot.node().equals(node.id())) {
                verdicts.add(holder != null && holder.node().equals(node.id()) ? new Holds(node.id(), holder)
                        : verdict(view, demand, slot, node, occupancy.load(node.id())));
            }
        }
        return new Explain(slot, List.copyOf(verdicts));
    }

    private static Verdict verdict(View view, Demand demand, Slot slot, NodeView node, NodeLoad load) {
        Optional<Filter> failed = demand.failed(node, load);
        if (failed.isPresent()) {
            return new Filtered(node.id(), failed.get(), failed.get().brief(demand, node, load), failed.get().detail(demand, node, load));
        }
        for (Refusal refusal : view.refusals().getOrDefault(node.id(), List.of())) {
            if (refusal.slot().equals(slot)) {
                return new Refused(node.id(), refusal.reason());
            }
        }
        return new Offer(node.id(), Price.of(demand.service(), node, load, Price.imageAtHand(demand.service().image(), node)),
                node.conditions(), demand.service().site().isExclusive());
    }

    /** A node would take it, as far as this view says. */
    boolean hasOffer() {
        return verdicts.stream().anyMatch(Offer.class::isInstance);
    }

    /** "no suitable node: 2 lack memory, 1 drained, 1 wrong platform", or who has not taken it yet; empty if a node has it. */
    public String summary() {
        if (verdicts.stream().anyMatch(Holds.class::isInstance)) {
            return "";
        }
        if (hasOffer()) {
            return waiting(verdicts.stream().filter(Offer.class::isInstance).map(Offer.class::cast).toList());
        }
        SortedMap<Filter, SortedMap<Brief, Integer>> filtered = new TreeMap<>();
        SortedMap<Brief, Integer> refused = new TreeMap<>();
        for (Verdict verdict : verdicts) {
            if (verdict instanceof Filtered by) {
                filtered.computeIfAbsent(by.filter(), filter -> new TreeMap<>()).merge(by.brief(), 1, Integer::sum);
            } else {
                refused.merge(Brief.refusing(verdict.text()), 1, Integer::sum);
            }
        }
        List<String> parts = new ArrayList<>();
        filtered.values().forEach(briefs -> briefs.forEach((brief, count) -> parts.add(brief.of(count))));
        refused.forEach((brief, count) -> parts.add(brief.of(count)));
        return parts.isEmpty() ? "no suitable node" : "no suitable node: " + String.join(", ", parts);
    }

    private static String waiting(List<Offer> offers) {
        String who = offers.size() == 1 ? "1 node can take it and has not done so" : offers.size() + " nodes can take it and have not done so";
        return who + (offers.get(0).byVote() ? ": it takes the votes of the slot's stewards" : "");
    }
}
