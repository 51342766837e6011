package dev.starling.scheduler.model;

import dev.starling.gossip.NodeId;
import java.util.Collections;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * What Starling's own labels say of a service; Docker has no words for it.
 *
 * @param electorate the nodes from which the first stewards of an exclusive service's slots are taken: those enrolled when it was made;
 *                   empty for others
 * @param rebalance  false where its tasks stay where they are, however uneven that is
 * @param autoscale  how its load decides how many replicas it has
 */
public record SitePolicy(PartitionPolicy partition, SortedSet<NodeId> electorate, boolean rebalance, AutoscalePolicy autoscale) {
    public static final SitePolicy DEFAULT = new SitePolicy(PartitionPolicy.BOTH, Collections.emptySortedSet(), true, AutoscalePolicy.OFF);

    public SitePolicy {
        electorate = Collections.unmodifiableSortedSet(new TreeSet<>(electorate));
    }

    public boolean isExclusive() {
        return partition == PartitionPolicy.EXCLUSIVE;
    }
}
