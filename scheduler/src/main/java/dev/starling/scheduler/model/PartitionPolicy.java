package dev.starling.scheduler.model;

/** The service label {@code starling.partition}: what may run where, while the cluster is cut in parts. */
public enum PartitionPolicy {
    /** Each part runs every slot. */
    BOTH,
    /** A part that sees half of the enrolled nodes or fewer starts nothing; what runs there goes on. */
    MAJORITY,
    /** At most one task of a slot runs at any time, in whatever part has most of the slot's stewards. */
    EXCLUSIVE
}
