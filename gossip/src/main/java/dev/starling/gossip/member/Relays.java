package dev.starling.gossip.member;

import dev.starling.gossip.Deadlines;
import dev.starling.gossip.NodeId;
import java.util.TreeMap;

/** Probes that this node makes for others, by their sequence number here. */
final class Relays {
    /** Under way at a time; a request above it is not served, and its origin has other helpers. */
    private static final int MAX_RELAYS = 1024;

    /** {@code origin} asked, under its number {@code originSequence}. */
    record Relay(NodeId origin, long originSequence, NodeId target) {}

    private final TreeMap<Long, Relay> bySequence = new TreeMap<>();
    private final Deadlines<Long> deadlines = new Deadlines<>();

    boolean isFull() {
        return bySequence.size() >= MAX_RELAYS;
    }

    void open(long sequence, Relay relay, long deadline) {
        bySequence.put(sequence, relay);
        deadlines.set(sequence, deadline);
    }

    /** The relay that {@code from}'s answer to {@code sequence} ends; null for none. */
    Relay answered(long sequence, NodeId from) {
        Relay relay = bySequence.get(sequence);
        if (relay == null || !relay.target().equals(from)) {
            return null;
        }
        deadlines.cancel(sequence);
        return bySequence.remove(sequence);
    }

    /** A relay that got no answer in time; null for none. */
    Relay pollUnanswered(long now) {
        Long sequence = deadlines.pollDue(now);
        return sequence == null ? null : bySequence.remove(sequence);
    }

    long next() {
        return deadlines.next();
    }

    void postpone(long millis) {
        deadlines.postpone(millis);
    }
}
