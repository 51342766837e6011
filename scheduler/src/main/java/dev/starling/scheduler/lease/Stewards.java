package dev.starling.scheduler.lease;

import dev.starling.gossip.NodeId;
import dev.starling.scheduler.model.Rendezvous;
import dev.starling.scheduler.model.Slot;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;

/** The nodes that vote on a slot, and how often they have changed. */
public record Stewards(int epoch, SortedSet<NodeId> nodes) {
    /** A majority of them outlives two; more would cost messages and add little. */
    public static final int MOST = 5;

    public Stewards {
        if (epoch < 0 || nodes.size() > MOST) {
            throw new IllegalArgumentException("epoch " + epoch + " with " + nodes.size() + " stewards, at most " + MOST + " are allowed");
        }
        nodes = Collections.unmodifiableSortedSet(new TreeSet<>(nodes));
    }

    /** Those of a new service: of the nodes that were enrolled when it was made. */
    public static Stewards first(Slot slot, Collection<NodeId> electorate) {
        return new Stewards(0, new TreeSet<>(ranked(slot, electorate).subList(0, Math.min(MOST, electorate.size()))));
    }

    /** The same as far as they are still enrolled, filled up to five with such as are there now; this if nothing is to change. */
    public Stewards renewed(Slot slot, Collection<NodeId> enrolled, Collection<NodeId> ready) {
        SortedSet<NodeId> next = new TreeSet<>(nodes);
        next.retainAll(enrolled);
        for (NodeId node : ranked(slot, ready)) {
            if (next.size() < MOST) {
                next.add(node);
            }
        }
        return next.equals(nodes) || next.isEmpty() ? this : new Stewards(epoch + 1, next);
    }

    private static List<NodeId> ranked(Slot slot, Collection<NodeId> nodes) {
        return nodes.stream().sorted(Comparator.comparingLong((NodeId node) -> Rendezvous.score(slot, node)).thenComparing(node -> node)).toList();
    }

    public boolean isMajority(Collection<NodeId> votes) {
        return nodes.stream().filter(votes::contains).count() > nodes.size() / 2;
    }

    /** So many have refused that the rest is no majority. */
    boolean isLost(Collection<NodeId> refusals) {
        long left = nodes.stream().filter(node -> !refusals.contains(node)).count();
        return left <= nodes.size() / 2;
    }
}
