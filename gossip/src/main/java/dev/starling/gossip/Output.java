package dev.starling.gossip;

import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.message.Message;

/** What the gossip machine wants done or has to tell, in order. The machine itself does no I/O. */
public sealed interface Output {
    /** Send {@code message} to the node that answers at {@code to}; loss is allowed. */
    record Send(Endpoint to, Message message) implements Output {}

    /**
     * A member is new ({@code before == null}), its status, endpoint, role, incarnation or boot changed, or it was forgotten
     * ({@code now == null}). For this node itself: it refuted a suspicion, or raised its boot, which is then to be kept on disk.
     */
    record MemberChanged(Member before, Member now) implements Output {}

    /** The join took in a newer register: write it to disk, then call {@link Gossip#persisted}. */
    record DesiredChanged(DesiredObject object) implements Output {}

    /**
     * {@code key} of {@code node}'s record changed or went; {@code key == null}: the whole record did (a new boot). Of this node's own
     * record too.
     */
    record RecordChanged(NodeId node, String key) implements Output {}

    /** Something that {@code teller} told was not taken in. */
    record Refused(NodeId teller, Refusal reason) implements Output {}

    /** An object that this node wrote is now on the disks of {@code copies} nodes, this one included. */
    record Replicated(String uid, long generation, int copies) implements Output {}
}
