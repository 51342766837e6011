package dev.starling.node.core;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Refusal;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.message.Message;
import dev.starling.scheduler.model.Task;
import java.util.Optional;

/** What the core of a node wants done outside, in order. */
public sealed interface NodeEffect {
    /** One method a case: a case that is added does not compile until each of its handlers says what to do. */
    interface Handler {
        void on(Send send);

        void on(PersistDesired persist);

        void on(PersistRecord persist);

        void on(PersistPromise promise);

        void on(MemberChanged change);

        void on(NodeRemoved removed);

        void on(Refused refused);

        void on(Replicated replicated);

        void on(StartTask start);

        void on(StopTask stop);

        void on(RemoveTask remove);
    }

    void handle(Handler handler);

    record Send(Endpoint to, Message message) implements NodeEffect {
        @Override
        public void handle(Handler handler) {
            handler.on(this);
        }
    }

    /** Write to disk, then call {@link NodeCore#persisted}. */
    record PersistDesired(DesiredObject object) implements NodeEffect {
        @Override
        public void handle(Handler handler) {
            handler.on(this);
        }
    }

    /** Set or remove one key of this node's own record on disk; no answer is awaited. */
    record PersistRecord(String key, Optional<Bytes> value) implements NodeEffect {
        /** What it says of a task; empty where it says something else, or that a task is to be forgotten. */
        public Optional<Task> task() {
            return key.startsWith(RecordKeys.TASK) ? value.map(RecordCodec::decodeTask) : Optional.empty();
        }

        @Override
        public void handle(Handler handler) {
            handler.on(this);
        }
    }

    /**
     * What this node promised as a steward: write it to disk, then call {@link NodeCore#promised} with {@code number}; never, if that fails.
     * An empty value removes the key.
     */
    record PersistPromise(String key, Optional<Bytes> value, long number) implements NodeEffect {
        @Override
        public void handle(Handler handler) {
            handler.on(this);
        }
    }

    /** @param before null for a member that is new; {@code now} null for one that was forgotten */
    record MemberChanged(Member before, Member now) implements NodeEffect {
        @Override
        public void handle(Handler handler) {
            handler.on(this);
        }
    }

    /** Operators removed the node: whatever its certificate says, it is no peer any more. */
    record NodeRemoved(NodeId node) implements NodeEffect {
        @Override
        public void handle(Handler handler) {
            handler.on(this);
        }
    }

    /** Something that the node {@code teller} told was not taken in: to be counted. @param detail for people; empty where {@code reason} says all */
    record Refused(NodeId teller, Refusal reason, String detail) implements NodeEffect {
        @Override
        public void handle(Handler handler) {
            handler.on(this);
        }
    }

    /** An object that this node wrote is on the disks of {@code copies} nodes. */
    record Replicated(String uid, long generation, int copies) implements NodeEffect {
        @Override
        public void handle(Handler handler) {
            handler.on(this);
        }
    }

    record StartTask(Task task) implements NodeEffect {
        @Override
        public void handle(Handler handler) {
            handler.on(this);
        }
    }

    /** Waits for no disk: the slot may soon run elsewhere. */
    record StopTask(Task task, String reason) implements NodeEffect {
        @Override
        public void handle(Handler handler) {
            handler.on(this);
        }
    }

    /** The task is out of the record: its container and log go. */
    record RemoveTask(Task task) implements NodeEffect {
        @Override
        public void handle(Handler handler) {
            handler.on(this);
        }
    }
}
