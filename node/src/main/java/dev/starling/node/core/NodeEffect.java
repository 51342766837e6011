package dev.starling.node.core;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.message.Message;
import dev.starling.scheduler.model.Task;
import java.util.Optional;

/** What the core of a node wants done outside, in order. */
public sealed interface NodeEffect {
    record Send(Endpoint to, Message message) implements NodeEffect {}

    /** Write to disk, then call {@link NodeCore#persisted}. */
    record PersistDesired(DesiredObject object) implements NodeEffect {}

    /** Set or remove one key of this node's own record on disk; no answer is awaited. */
    record PersistRecord(String key, Optional<Bytes> value) implements NodeEffect {}

    /**
     * What this node promised as a steward: write it to disk, then call {@link NodeCore#promised} with {@code number}; never, if that fails.
     * An empty value removes the key.
     */
    record PersistPromise(String key, Optional<Bytes> value, long number) implements NodeEffect {}

    /** @param before null for a member that is new; {@code now} null for one that was forgotten */
    record MemberChanged(Member before, Member now) implements NodeEffect {}

    /** Operators removed the node: whatever its certificate says, it is no peer any more. */
    record NodeRemoved(NodeId node) implements NodeEffect {}

    /** An object that this node wrote is on the disks of {@code copies} nodes. */
    record Replicated(String uid, long generation, int copies) implements NodeEffect {}

    record StartTask(Task task) implements NodeEffect {}

    /** @param atOnce wait for no disk: the slot may soon run elsewhere */
    record StopTask(Task task, String reason, boolean atOnce) implements NodeEffect {}

    /** The task is out of the record: its container and log go. */
    record RemoveTask(Task task) implements NodeEffect {}
}
