package dev.starling.gossip.record;

import dev.starling.gossip.BucketFingerprints;
import dev.starling.gossip.Bytes;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.NodeSigning;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * All nodes' records (Scuttlebutt reconciliation, van Renesse et al. 2008): a view of a record is (boot, version), and has everything its
 * owner did in that boot up to that version, so a digest of maximum versions says exactly what is missing. A higher boot replaces.
 *
 * <p>Only this node changes its own record: what others say of it is not taken in here. A change of another's record is taken in with its owner's
 * signature over the result, whoever tells it; without one only from the owner itself.
 */
public final class RecordTable implements Records {
    private final NodeId self;
    private final NodeSigning signing;
    private final Function<NodeId, Bytes> keys;
    private final RecordSharing sharing;
    private final TreeMap<NodeId, NodeRecord> byNode = new TreeMap<>();
    private final BucketFingerprints fingerprints = new BucketFingerprints();

    /** @param keys a node's public key; empty where it is not known, and nothing of it can be checked */
    public RecordTable(NodeId self, long boot, NodeSigning signing, Function<NodeId, Bytes> keys) {
        this(self, boot, signing, keys, RecordSharing.NONE);
    }

    public RecordTable(NodeId self, long boot, NodeSigning signing, Function<NodeId, Bytes> keys, RecordSharing sharing) {
        this.self = self;
        this.sharing = sharing;
        this.signing = signing;
        this.keys = keys;
        NodeRecord own = new NodeRecord(self, boot);
        own.begin();
        replace(self, own);
    }

    /** What a delta did to this view: nothing, a gap before it, or these keys changed (all of them where the boot is new). */
    public record Applied(Kind kind, List<String> keys) {
        public enum Kind {
            KNOWN, GAP, CHANGED, NEW_BOOT,
            /** Its owner did not sign it, or not so. */
            REFUSED,
            /**
             * Its owner's signature does not fit the outcome, but what is here is a piece of a later state: what that had changed again was not in the
             * piece, so an earlier state's delta which the piece has overtaken does not fit either. No proof of a forgery; only the owner itself can tell it.
             */
            OVERTAKEN,
            /** It is this node's own, signed with its key, and not written here: an older disk, or a copy of this one, was running. */
            OWN_OF_ANOTHER_DISK
        }

        private static final Applied KNOWN = new Applied(Kind.KNOWN, List.of());
        private static final Applied GAP = new Applied(Kind.GAP, List.of());
        private static final Applied REFUSED = new Applied(Kind.REFUSED, List.of());
        private static final Applied OVERTAKEN = new Applied(Kind.OVERTAKEN, List.of());

        public boolean isNews() {
            return kind == Kind.CHANGED || kind == Kind.NEW_BOOT;
        }
    }

    /** {@code teller} sent it: the owner, or somebody who passes it on. */
    public Applied apply(RecordDelta delta, NodeId teller) {
        if (delta.node().equals(self)) {
            return compareWithOwn(delta);
        }
        NodeRecord record = byNode.get(delta.node());
        if (record != null && knows(record, delta)) {
            return Applied.KNOWN;
        }
        if (record == null || delta.boot() > record.boot() || needsWhole(record, teller)) {
            if (delta.base() > 0) {
                return Applied.GAP;
            }
            NodeRecord fresh = new NodeRecord(delta.node(), delta.boot());
            List<String> changed = fresh.take(delta, statement -> isOwners(statement, delta, teller), sharing);
            if (changed == null) {
                return Applied.REFUSED;
            }
            replace(delta.node(), fresh);
            return new Applied(Applied.Kind.NEW_BOOT, changed);
        }
        if (delta.base() > record.version()) {
            return Applied.GAP;
        }
        long before = record.fingerprint();
        boolean whole = record.isSigned();
        List<String> changed = record.take(delta, statement -> isOwners(statement, delta, teller), sharing);
        if (changed == null) {
            return whole ? Applied.REFUSED : Applied.OVERTAKEN;
        }
        fingerprints.toggle(delta.node(), before ^ record.fingerprint());
        return new Applied(Applied.Kind.CHANGED, changed);
    }

    /** So it is with most that are told, for news comes by several ways. */
    private static boolean knows(NodeRecord record, RecordDelta delta) {
        return delta.boot() < record.boot() || delta.boot() == record.boot() && delta.upTo() <= record.version();
    }

    /** Of a record that comes in pieces, what is here is no state that its owner signed, and what others pass on does not continue it. */
    private static boolean needsWhole(NodeRecord record, NodeId teller) {
        return !record.isSigned() && !teller.equals(record.digest().node());
    }

    private boolean isOwners(Supplier<byte[]> statement, RecordDelta delta, NodeId teller) {
        return delta.isSigned() ? signing.signed(delta.node(), keys.apply(delta.node()), statement.get(), delta.signature())
                : teller.equals(delta.node());
    }

    private Applied compareWithOwn(RecordDelta delta) {
        if (delta.base() > 0 || !new RecordDigest(self, delta.boot(), delta.upTo()).isAheadOf(own().digest())) {
            return Applied.KNOWN;
        }
        NodeRecord other = new NodeRecord(self, delta.boot());
        boolean written = other.take(delta, statement -> delta.isSigned()
                && signing.signed(self, signing.publicKey(), statement.get(), delta.signature()), RecordSharing.NONE) != null;
        return written ? new Applied(Applied.Kind.OWN_OF_ANOTHER_DISK, List.of()) : Applied.REFUSED;
    }

    /** Sets a key of this node's own record: false where it is so already. */
    public boolean put(String key, Bytes value) {
        return !value.equals(own().value(key)) && changeOwn(key, value);
    }

    /** Removes a key of this node's own record: false where there is none. */
    public boolean remove(String key) {
        return own().value(key) != null && changeOwn(key, null);
    }

    /** This node's own record is mostly tombstones: worth a new boot. */
    public boolean isWornOut() {
        return own().isWornOut();
    }

    /** This node's own record goes on under a new boot: values stay, tombstones go, versions start afresh. */
    public void raiseBoot(long boot) {
        NodeRecord next = new NodeRecord(self, boot);
        next.begin();
        own().live().forEach(next::change);
        replace(self, next);
    }

    public void forget(NodeId node) {
        NodeRecord record = byNode.get(node);
        if (record != null && !node.equals(self)) {
            fingerprints.toggle(node, record.fingerprint());
            byNode.remove(node);
        }
    }

    public BucketFingerprints fingerprints() {
        return fingerprints;
    }

    public List<RecordDigest> digest() {
        return byNode.values().stream().map(NodeRecord::digest).toList();
    }

    public RecordDigest digest(NodeId node) {
        NodeRecord record = byNode.get(node);
        return record == null ? new RecordDigest(node, 0, 0) : record.digest();
    }

    /** From where on {@code source} is to tell of {@code node}'s record. */
    public RecordDigest reach(NodeId node, NodeId source) {
        NodeRecord record = byNode.get(node);
        return record == null || needsWhole(record, source) ? new RecordDigest(node, 0, 0) : record.digest();
    }

    /**
     * What a view at {@code theirs} lacks; null where it lacks nothing, or nothing that can be passed on. Of this node's own record it is cut at an entry
     * border when above {@code maxBytes}. Of another's it is whole: a piece is nothing that its owner signed.
     */
    public RecordDelta since(RecordDigest theirs, int maxBytes) {
        NodeRecord record = byNode.get(theirs.node());
        if (record == null || !record.digest().isAheadOf(theirs)) {
            return null;
        }
        boolean isOwn = theirs.node().equals(self);
        if (!record.isSigned()) {
            if (!isOwn) {
                return null;
            }
            record.sign(signing.sign(record.statement()));
        }
        return record.since(theirs.boot() == record.boot() ? Math.max(0, theirs.version()) : 0, isOwn ? maxBytes : Integer.MAX_VALUE);
    }

    @Override
    public SortedSet<NodeId> nodes() {
        return Collections.unmodifiableSortedSet(byNode.navigableKeySet());
    }

    @Override
    public long boot(NodeId node) {
        NodeRecord record = byNode.get(node);
        return record == null ? 0 : record.boot();
    }

    @Override
    public SortedMap<String, Bytes> of(NodeId node) {
        NodeRecord record = byNode.get(node);
        return record == null ? Collections.emptySortedMap() : record.live();
    }

    @Override
    public Bytes value(NodeId node, String key) {
        NodeRecord record = byNode.get(node);
        return record == null ? null : record.value(key);
    }

    private NodeRecord own() {
        return byNode.get(self);
    }

    private boolean changeOwn(String key, Bytes value) {
        fingerprints.toggle(self, own().fingerprint());
        own().change(key, value);
        fingerprints.toggle(self, own().fingerprint());
        return true;
    }

    private void replace(NodeId node, NodeRecord record) {
        NodeRecord before = byNode.put(node, record);
        fingerprints.toggle(node, record.fingerprint() ^ (before == null ? 0 : before.fingerprint()));
    }
}
