package dev.starling.gossip;

import dev.starling.gossip.desired.Desired;
import dev.starling.gossip.desired.DesiredGuard;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.message.Message;
import dev.starling.gossip.record.Records;
import java.util.Collection;
import java.util.List;
import java.util.SortedMap;
import java.util.random.RandomGenerator;

/**
 * Membership, desired state and records of one node, as one machine without I/O, clock or thread: messages and the time go in, outputs
 * are drained. The node and the simulator run this same class.
 *
 * <p>Times are milliseconds of a monotonic clock that the caller owns; {@code now} never goes back.
 */
public final class Gossip {
    public Gossip(GossipConfig config, Member self, RandomGenerator random, DesiredGuard guard) {
        throw new UnsupportedOperationException("skeleton");
    }

    /** Before {@link #start}: what this node had on disk. Emits nothing. {@code ownRecord} is re-announced under the new boot. */
    public void restore(Collection<DesiredObject> desired, SortedMap<String, Bytes> ownRecord, Collection<Member> lastKnown) {
        throw new UnsupportedOperationException("skeleton");
    }

    /** Begins to contact {@code seeds} and the last known members, and keeps trying while it knows no live member. */
    public void start(Collection<Endpoint> seeds, long now) {
        throw new UnsupportedOperationException("skeleton");
    }

    /** A message from the authenticated peer {@code from}, whose certificate carries {@code role}. */
    public void receive(NodeId from, Role role, Message message, long now) {
        throw new UnsupportedOperationException("skeleton");
    }

    /** Runs what is due at {@code now}. */
    public void tick(long now) {
        throw new UnsupportedOperationException("skeleton");
    }

    /** When {@link #tick} wants to be called next; Long.MAX_VALUE for never. */
    public long nextTick() {
        throw new UnsupportedOperationException("skeleton");
    }

    /** The transport saw the connection to {@code peer} refused, reset or closed: a hint to probe it at once, no verdict. */
    public void connectionLost(NodeId peer, long now) {
        throw new UnsupportedOperationException("skeleton");
    }

    /** Sets {@code key} of this node's own record. Equal to what is there: nothing happens. */
    public void put(String key, Bytes value, long now) {
        throw new UnsupportedOperationException("skeleton");
    }

    /** Removes {@code key} from this node's own record (leaves a tombstone). */
    public void remove(String key, long now) {
        throw new UnsupportedOperationException("skeleton");
    }

    /**
     * A write by this node (a manager): {@code object} is signed and its generation is one above what is here.
     * Emits {@link Output.DesiredChanged}, and {@link Output.Replicated} each time one more node has it on disk.
     *
     * @throws IllegalArgumentException where the guard refuses it or it does not supersede what is here
     */
    public void write(DesiredObject object, long now) {
        throw new UnsupportedOperationException("skeleton");
    }

    /** {@code uid} up to {@code generation} is on this node's disk: acknowledges it to the node that pushed it. */
    public void persisted(String uid, long generation, long now) {
        throw new UnsupportedOperationException("skeleton");
    }

    /** Tells the others that this node goes for good ({@code docker swarm leave}, an orderly shutdown does not). */
    public void leave(long now) {
        throw new UnsupportedOperationException("skeleton");
    }

    /** {@code docker node rm}: forgets a dead or left member and its record. */
    public void forget(NodeId node, long now) {
        throw new UnsupportedOperationException("skeleton");
    }

    /** The outputs since the last call, oldest first. */
    public List<Output> drain() {
        throw new UnsupportedOperationException("skeleton");
    }

    /** All known members, this node included. A read-only view, valid until the next input. */
    public SortedMap<NodeId, Member> members() {
        throw new UnsupportedOperationException("skeleton");
    }

    public Desired desired() {
        throw new UnsupportedOperationException("skeleton");
    }

    public Records records() {
        throw new UnsupportedOperationException("skeleton");
    }
}
