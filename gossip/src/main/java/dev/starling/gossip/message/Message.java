package dev.starling.gossip.message;

import dev.starling.gossip.BucketFingerprints;
import dev.starling.gossip.Bytes;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.desired.DesiredDigest;
import dev.starling.gossip.member.Forgotten;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.member.MemberDigest;
import dev.starling.gossip.record.RecordDigest;
import java.util.List;
import java.util.Objects;

/**
 * A message between two nodes' gossip machines. The sender's id comes from its certificate, never from the message.
 *
 * <p>Null {@code sender}: the peer knows this node already. That keeps probes, which never stop, at a few bytes.
 */
public sealed interface Message {
    /** Whether it must not wait behind state on its way: what decides who is held for dead. All of these are small. */
    default boolean isUrgent() {
        return this instanceof Ping || this instanceof Ack || this instanceof PingRequest || this instanceof IndirectAck
                || this instanceof Nack || this instanceof Push push && push.changes().isMembershipOnly();
    }

    /** Are you there? {@code believed}: what is thought of the receiver where that is not "alive", so that it can refute at once. */
    record Ping(long sequence, Member sender, Member believed, Question question) implements Message {
        public Ping(long sequence, Member sender, Member believed) {
            this(sequence, sender, believed, null);
        }
    }

    /** In a ping on behalf of {@code asker}, null in others: sign its random {@code number}, so that it knows that you are there. */
    record Question(NodeId asker, long number) {
        public Question {
            Objects.requireNonNull(asker, "asker");
        }
    }

    /**
     * I am. {@code viewFingerprint} over all this node knows: where it differs from the receiver's, a digest exchange is due.
     *
     * @param answer the signature that the ping's question asked for; null where it asked none
     */
    record Ack(long sequence, Member sender, Member believed, long viewFingerprint, Bytes answer) implements Message {
        public Ack(long sequence, Member sender, Member believed, long viewFingerprint) {
            this(sequence, sender, believed, viewFingerprint, null);
        }
    }

    /** Probe {@code target} for me, and let it sign {@code number}: I got no answer. */
    record PingRequest(long sequence, Member target, long number) implements Message {
        public PingRequest {
            Objects.requireNonNull(target, "target");
        }
    }

    /** The target of your {@link PingRequest} answered me; with its signature, for why should you believe me? */
    record IndirectAck(long sequence, Bytes answer) implements Message {
        public IndirectAck {
            Objects.requireNonNull(answer, "answer");
        }
    }

    /** It did not answer me either; at least we two can talk. */
    record Nack(long sequence) implements Message {}

    /** News. {@code forward}: not everyone got this from its source, so tell on what is news to you. */
    record Push(boolean forward, Changes changes) implements Message {
        public Push {
            Objects.requireNonNull(changes, "changes");
        }
    }

    /**
     * All I know of members and records as one number per bucket of node ids: where there are too many of them for a {@link Digest} of all. The
     * answer is a Digest of the buckets that differ.
     */
    record Summary(List<Integer> buckets, long desiredFingerprint) implements Message {
        public Summary {
            buckets = List.copyOf(buckets);
            if (buckets.size() != BucketFingerprints.COUNT) {
                throw new IllegalArgumentException("a summary has " + BucketFingerprints.COUNT + " buckets, got " + buckets.size());
            }
        }
    }

    /**
     * What I know, in short. The answer is a {@link Delta} of what I lack and a {@link Want} of what the receiver lacks.
     *
     * @param buckets null where all members and records are listed, else the buckets of node ids of which all are
     * @param desired null where only {@code desiredFingerprint} is told: the details follow if it differs
     */
    record Digest(List<Integer> buckets, List<MemberDigest> members, List<Forgotten> forgotten, List<RecordDigest> records,
            long desiredFingerprint, DesiredRange desired) implements Message {
        public Digest {
            buckets = buckets == null ? null : List.copyOf(buckets);
            members = List.copyOf(members);
            forgotten = List.copyOf(forgotten);
            records = List.copyOf(records);
        }
    }

    /** Part of a view of the desired state: every object from uid {@code first} to {@code last}, both inclusive; null {@code last}: no end. */
    record DesiredRange(String first, String last, List<DesiredDigest> objects) {
        public DesiredRange {
            Objects.requireNonNull(first, "first");
            objects = List.copyOf(objects);
        }
    }

    /**
     * Send me these: members and objects by id, records from where I am.
     *
     * @param compare null, or the part of the sender's desired state which the receiver should compare with its own
     */
    record Want(List<NodeId> members, List<RecordDigest> records, List<String> desired, DesiredRange compare) implements Message {
        public Want {
            members = List.copyOf(members);
            records = List.copyOf(records);
            desired = List.copyOf(desired);
        }

        public boolean isEmpty() {
            return members.isEmpty() && records.isEmpty() && desired.isEmpty() && compare == null;
        }
    }

    /** A piece of what you lacked. */
    record Delta(Changes changes, Rest rest) implements Message {
        /** What comes after this piece. The order is the code on the wire. */
        public enum Rest {
            NONE,
            /** More pieces are on their way. */
            FOLLOWS,
            /** There is more than goes at a time: ask again. */
            ASK_AGAIN
        }

        public Delta {
            Objects.requireNonNull(changes, "changes");
            Objects.requireNonNull(rest, "rest");
        }
    }

    /** Of the layer above, from node to node: gossip carries it and does not look into it. */
    record Parcel(Bytes content) implements Message {
        public Parcel {
            Objects.requireNonNull(content, "content");
        }
    }

    /** I have {@code uid} up to {@code generation} on my disk. */
    record Stored(String uid, long generation) implements Message {
        public Stored {
            Objects.requireNonNull(uid, "uid");
        }
    }
}
