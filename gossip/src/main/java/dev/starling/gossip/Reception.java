package dev.starling.gossip;

import dev.starling.gossip.desired.DesiredGuard;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.desired.DesiredState;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.member.Forgotten;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.member.Swim;
import dev.starling.gossip.member.Teller;
import dev.starling.gossip.message.Changes;
import dev.starling.gossip.record.RecordDelta;
import dev.starling.gossip.record.RecordTable;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;

/**
 * Takes in what one message tells: joins what is proven, says what has changed, and passes it on where its source did not tell everyone.
 *
 * <p>A refusal costs a check, and a peer may send thousands: after {@link #MAX_REFUSALS} of a sort the rest of that sort is left for another time. An honest
 * peer's objects may be refused too (this node lacks the roots they were signed under, or the peer had not heard of a demotion), and it sends the same ones in the same order each
 * time. So that those do not keep out for ever what stands behind them,
 * <pre>
 *   objects of kind ROOT come first, as often as they let in one more: they decide who is believed
 *   the others are looked at from a random one on, once some had to be left
 *   refused objects do not count against members and records
 * </pre>
 */
final class Reception {
    private static final int MAX_REFUSALS = 16;

    private final GossipConfig config;
    private final DesiredGuard guard;
    private final Swim swim;
    private final RecordTable records;
    private final DesiredState desired;
    private final AntiEntropy antiEntropy;
    private final Spread spread;
    private final Copies copies;
    private final RandomGenerator random;
    private final Consumer<Output> emit;
    /** Whether news in the message at hand is to be told on: its source did not tell everyone. */
    private boolean forwarding;
    /** Of the sort of pieces at hand, and what was as dear as one. */
    private int refusals;
    /** Objects were left for another time once: from then on each message is looked at from another place. */
    private boolean objectsWereLeft;

    Reception(GossipConfig config, DesiredGuard guard, Swim swim, RecordTable records, DesiredState desired, AntiEntropy antiEntropy, Spread spread,
            Copies copies, RandomGenerator random, Consumer<Output> emit) {
        this.config = config;
        this.guard = guard;
        this.swim = swim;
        this.records = records;
        this.desired = desired;
        this.antiEntropy = antiEntropy;
        this.spread = spread;
        this.copies = copies;
        this.random = random;
        this.emit = emit;
    }

    /** Another message is at hand. @param forward news in it is to be told on */
    void begin(boolean forward) {
        forwarding = forward;
    }

    void end() {
        forwarding = false;
    }

    boolean isForwarding() {
        return forwarding;
    }

    /**
     * Desired state comes first: it says who is enrolled and who was removed, and needs no one's word but its signature.
     *
     * @param members what to do with a claim about a member: that depends on how it was told
     */
    void take(Member peer, Teller teller, Changes changes, Consumer<Member> members, long now) {
        takeObjects(peer, changes.desired(), now);
        eachUnlessRefused(changes.members(), peer.id(), members);
        eachUnlessRefused(changes.suspected(), peer.id(), suspicion -> swim.hear(suspicion, teller, now));
        eachUnlessRefused(changes.forgotten(), peer.id(), removal -> take(teller, removal));
        eachUnlessRefused(changes.records(), peer.id(), delta -> take(peer, delta, now));
    }

    /** False where a rest was left. */
    private <T> boolean eachUnlessRefused(List<T> pieces, NodeId teller, Consumer<T> take) {
        refusals = 0;
        for (T piece : pieces) {
            if (refusals >= MAX_REFUSALS) {
                emit.accept(new Output.Refused(teller, Refusal.REST_OF_MESSAGE));
                return false;
            }
            take.accept(piece);
        }
        return true;
    }

    void refused(NodeId teller, Refusal reason) {
        refused(new Output.Refused(teller, reason));
    }

    private void refused(Output.Refused refused) {
        emit.accept(refused);
        if (refused.reason() != Refusal.UNENROLLED_MEMBER && refused.reason() != Refusal.UNPROVEN_REMOVAL) { // these cost no check, and may be true too early
            refusals++;
        }
    }

    private void takeObjects(Member peer, List<DesiredObject> objects, long now) {
        List<DesiredObject> roots = new ArrayList<>();
        List<DesiredObject> others = new ArrayList<>();
        objects.forEach(object -> (object.kind() == Kind.ROOT ? roots : others).add(object));
        long before;
        do {
            before = desired.fingerprint();
            eachUnlessRefused(roots, peer.id(), object -> take(peer, object, now));
        } while (refusals > 0 && desired.fingerprint() != before);
        if (objectsWereLeft && !others.isEmpty()) {
            Collections.rotate(others, random.nextInt(others.size()));
        }
        objectsWereLeft |= !eachUnlessRefused(others, peer.id(), object -> take(peer, object, now));
    }

    private void take(Member peer, DesiredObject object, long now) {
        if (!desired.lacks(object)) {
            return;
        }
        String refusal = guard.refusal(object);
        if (refusal != null) {
            refused(new Output.Refused(peer.id(), Refusal.DESIRED_STATE, "object " + object.uid() + " (" + object.kind() + ") " + refusal));
            return;
        }
        desired.join(object);
        antiEntropy.desiredChanged(now);
        emit.accept(new Output.DesiredChanged(desired.get(object.uid())));
        // With many nodes only those that have it from the writer answer: enough copies, and not a thousand messages to one node.
        if (object.writer().equals(peer.id()) || swim.members().up().size() <= config.pushFanout()) {
            copies.owe(object);
        }
        if (forwarding) {
            spread.add(object, Spread.Source.RELAYED);
        }
    }

    private void take(Member peer, RecordDelta delta, long now) {
        if (swim.members().get(delta.node()) == null || delta.boot() <= swim.members().forgottenBoot(delta.node())) {
            return; // not of a member; if it is one soon, the digests tell
        }
        RecordTable.Applied applied = records.apply(delta, peer.id());
        switch (applied.kind()) {
            case KNOWN -> { }
            case REFUSED -> refused(peer.id(), Refusal.FORGED_RECORD);
            case OWN_OF_ANOTHER_DISK -> swim.outbidBoot(delta.boot());
            case GAP -> antiEntropy.gapBefore(delta, peer.id(), now);
            case OVERTAKEN -> {
                refusals++; // it cost a check
                antiEntropy.gapBefore(delta, peer.id(), now);
            }
            case NEW_BOOT -> emit.accept(new Output.RecordChanged(delta.node(), null));
            case CHANGED -> applied.keys().forEach(key -> emit.accept(new Output.RecordChanged(delta.node(), key)));
        }
        // A node that joined or restarted tells the first one it meets in an exchange, and that one tells everyone.
        boolean introduces = applied.kind() == RecordTable.Applied.Kind.NEW_BOOT && delta.node().equals(peer.id());
        if (applied.isNews() && delta.isSigned() && (forwarding || introduces)) {
            spread.add(delta, Spread.Source.RELAYED);
        }
    }

    private void take(Teller teller, Forgotten removal) {
        if (removal.boot() <= swim.members().forgottenBoot(removal.id())) {
            return;
        }
        DesiredObject document = nodeDocument(removal.id());
        if (teller.role() != Role.MANAGER && (document == null || !document.deleted())) {
            refused(teller.id(), Refusal.UNPROVEN_REMOVAL);
        } else {
            forget(removal, false);
        }
    }

    /** @param own this node is the one that removes it */
    void forget(Forgotten removal, boolean own) {
        if (swim.hear(removal)) {
            if (records.boot(removal.id()) <= removal.boot()) {
                records.forget(removal.id());
            }
            if (own || forwarding) {
                spread.add(removal, own ? Spread.Source.OWN : Spread.Source.RELAYED);
            }
        }
    }

    boolean isEnrolled(NodeId node) {
        DesiredObject document = nodeDocument(node);
        return document != null && !document.deleted();
    }

    /** Null where there is none. */
    private DesiredObject nodeDocument(NodeId node) {
        DesiredObject document = desired.get(node.value());
        return document == null || document.kind() != Kind.NODE ? null : document;
    }
}
