package dev.starling.node.core;

import dev.starling.gossip.NodeId;
import dev.starling.scheduler.model.Slot;

/** The keys of a node's record. Their prefixes are on the wire and on disk. */
final class RecordKeys {
    static final String NODE = "node";
    static final String CERTIFICATE = "certificate";
    static final String ENCRYPTION = "encryption";
    static final String ACKNOWLEDGED = "encryption/";
    static final String TASK = "task/";
    static final String REFUSAL = "refusal/";
    static final String BLOCKS = "blocks/";
    static final String STEWARDS = "stewards/";
    /** On this node's disk beside its record, and in no record: what it promised as a steward. */
    static final String PROMISE = "promise/";
    static final String COMPLETED = "completed/";
    /** In this node's record, and not on its disk. */
    static final String LOADS = "loads";

    static String completed(String serviceUid) {
        return COMPLETED + serviceUid;
    }

    static String acknowledged(NodeId peer) {
        return ACKNOWLEDGED + peer.value();
    }

    /** Whether {@link #acknowledgedPeer} can tell whose key it acknowledges. */
    static boolean isAcknowledgement(String key) {
        return key.startsWith(ACKNOWLEDGED) && key.length() > ACKNOWLEDGED.length() && key.length() <= ACKNOWLEDGED.length() + 64;
    }

    static NodeId acknowledgedPeer(String key) {
        return new NodeId(key.substring(ACKNOWLEDGED.length()));
    }

    static String task(String taskId) {
        return TASK + taskId;
    }

    static boolean isTask(String key, String taskId) {
        return key.length() == TASK.length() + taskId.length() && key.startsWith(TASK) && key.endsWith(taskId);
    }

    static String refusal(Slot slot) {
        return REFUSAL + slot;
    }

    static String blocks(String networkUid) {
        return BLOCKS + networkUid;
    }

    static String stewards(Slot slot) {
        return STEWARDS + slot;
    }

    static String promise(Slot slot) {
        return PROMISE + slot;
    }

    private RecordKeys() {}
}
