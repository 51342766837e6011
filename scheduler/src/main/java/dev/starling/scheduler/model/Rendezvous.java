package dev.starling.scheduler.model;

import dev.starling.gossip.NodeId;

/**
 * Rendezvous (highest random weight) hashing: every node gives each pair (slot, node) the same random-looking score, so that nodes which
 * know nothing of each other's choice choose alike, and differently for each slot. FNV-1a over the text, mixed by the finisher of
 * SplitMix64; the values are part of the protocol: nodes of one cluster must compute the same.
 */
public final class Rendezvous {
    private Rendezvous() {}

    public static long hash(String text) {
        long hash = 0xcbf29ce484222325L;
        for (int i = 0; i < text.length(); i++) {
            hash = (hash ^ text.charAt(i)) * 0x100000001b3L;
        }
        return mix(hash);
    }

    public static long hash(Slot slot) {
        return hash(hash(slot.serviceUid()), slot.isGlobal() ? hash(slot.node().value()) : slot.index());
    }

    /** Of the slot of this number, for who asks for many of one service. @param service the hash of its uid */
    public static long hash(long service, long number) {
        return mix(service + 0x9e3779b97f4a7c15L * number);
    }

    public static long score(long first, long second) {
        return preparedScore(first, prepared(second));
    }

    /** The part of a score that depends on {@code second} alone, for who asks for many. */
    public static long prepared(long second) {
        return Long.rotateLeft(second, 32) * 0x9e3779b97f4a7c15L;
    }

    public static long preparedScore(long first, long prepared) {
        return mix(first ^ prepared);
    }

    public static long score(Slot slot, NodeId node) {
        return score(hash(slot), hash(node.value()));
    }

    private static long mix(long z) {
        z = (z ^ z >>> 30) * 0xbf58476d1ce4e5b9L;
        z = (z ^ z >>> 27) * 0x94d049bb133111ebL;
        return z ^ z >>> 31;
    }
}
