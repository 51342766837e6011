package dev.starling.gossip;

import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.message.Message;

/** What the gossip machine wants done or has to tell, in order. The machine itself does no I/O. */
public sealed interface Output {
    /** One method a case: a case that is added does not compile until each of its handlers says what to do. */
    interface Handler {
        void on(Send send);

        void on(MemberChanged change);

        void on(DesiredChanged change);

        void on(RecordChanged change);

        void on(Refused refused);

        void on(Replicated replicated);
    }

    void handle(Handler handler);

    /** Send {@code message} to the node that answers at {@code to}; loss is allowed. */
    record Send(Endpoint to, Message message) implements Output {
        @Override
        public void handle(Handler handler) {
            handler.on(this);
        }
    }

    /**
     * A member is new ({@code before == null}), its status, endpoint, role, incarnation or boot changed, or it was forgotten
     * ({@code now == null}). For this node itself: it refuted a suspicion, or raised its boot, which is then to be kept on disk.
     */
    record MemberChanged(Member before, Member now) implements Output {
        @Override
        public void handle(Handler handler) {
            handler.on(this);
        }
    }

    /** The join took in a newer register: write it to disk, then call {@link Gossip#persisted}. */
    record DesiredChanged(DesiredObject object) implements Output {
        @Override
        public void handle(Handler handler) {
            handler.on(this);
        }
    }

    /**
     * {@code key} of {@code node}'s record changed or went; {@code key == null}: the whole record did (a new boot). Of this node's own
     * record too.
     */
    record RecordChanged(NodeId node, String key) implements Output {
        @Override
        public void handle(Handler handler) {
            handler.on(this);
        }
    }

    /**
     * Something that {@code teller} told was not taken in.
     *
     * @param detail what it was and why not, for people; empty where {@code reason} says all
     */
    record Refused(NodeId teller, Refusal reason, String detail) implements Output {
        public Refused(NodeId teller, Refusal reason) {
            this(teller, reason, "");
        }

        @Override
        public void handle(Handler handler) {
            handler.on(this);
        }
    }

    /** An object that this node wrote is now on the disks of {@code copies} nodes, this one included. */
    record Replicated(String uid, long generation, int copies) implements Output {
        @Override
        public void handle(Handler handler) {
            handler.on(this);
        }
    }
}
