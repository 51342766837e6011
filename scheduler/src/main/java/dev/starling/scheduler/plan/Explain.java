package dev.starling.scheduler.plan;

import dev.starling.gossip.NodeId;
import dev.starling.scheduler.filter.Demand;
import dev.starling.scheduler.filter.Filter;
import dev.starling.scheduler.filter.NodeLoad;
import dev.starling.scheduler.filter.Occupancy;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.Refusal;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.View;
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
    public record Filtered(NodeId node, Filter filter, String text) implements Verdict {}

    /** The node could, by what is known of it, but has said no. */
    public record Refused(NodeId node, String text) implements Verdict {}

    /** The node would take it. */
    public record Offer(NodeId node, int price) implements Verdict {
        @Override
        public String text() {
            return "can take it, price " + price;
        }
    }

    /** Empty if the service of the slot is not there. */
    public static Optional<Explain> slot(View view, Slot slot) {
        return Optional.ofNullable(view.services().get(slot.serviceUid())).map(service -> of(view, Occupancy.of(view), service, slot));
    }

    static Explain of(View view, Occupancy occupancy, ServiceSpec service, Slot slot) {
        Demand demand = Demand.of(service, view);
        List<Verdict> verdicts = new ArrayList<>();
        for (NodeView node : view.nodes().values()) {
            if (!slot.isGlobal() || slot.node().equals(node.id())) {
                verdicts.add(verdict(view, demand, slot, node, occupancy.load(node.id())));
            }
        }
        return new Explain(slot, List.copyOf(verdicts));
    }

    private static Verdict verdict(View view, Demand demand, Slot slot, NodeView node, NodeLoad load) {
        Optional<Filter> failed = demand.failed(node, load);
        if (failed.isPresent()) {
            return new Filtered(node.id(), failed.get(), failed.get().detail(demand, node, load));
        }
        for (Refusal refusal : view.refusals().getOrDefault(node.id(), List.of())) {
            if (refusal.slot().equals(slot)) {
                return new Refused(node.id(), refusal.reason());
            }
        }
        return new Offer(node.id(), Price.of(demand.service(), node, load, Price.imageAtHand(demand.service().image(), node)));
    }

    public boolean hasOffer() {
        return verdicts.stream().anyMatch(Offer.class::isInstance);
    }

    /** "no suitable node (2 nodes not available for new tasks; insufficient memory on 1 node)"; empty if a node would take it. */
    public String summary() {
        if (hasOffer()) {
            return "";
        }
        SortedMap<Filter, Integer> filtered = new TreeMap<>();
        SortedMap<String, Integer> refused = new TreeMap<>();
        for (Verdict verdict : verdicts) {
            if (verdict instanceof Filtered by) {
                filtered.merge(by.filter() == Filter.AVAILABILITY ? Filter.READY : by.filter(), 1, Integer::sum);
            } else {
                refused.merge(verdict.text(), 1, Integer::sum);
            }
        }
        List<String> parts = new ArrayList<>();
        filtered.forEach((filter, count) -> parts.add(filter.explain(count)));
        refused.forEach((reason, count) -> parts.add("refused by " + count + (count == 1 ? " node: " : " nodes: ") + reason));
        return parts.isEmpty() ? "no suitable node" : "no suitable node (" + String.join("; ", parts) + ")";
    }
}
