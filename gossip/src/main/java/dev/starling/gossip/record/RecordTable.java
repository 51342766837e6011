package dev.starling.gossip.record;

import dev.starling.gossip.BucketFingerprints;
import dev.starling.gossip.Bytes;
import dev.starling.gossip.NodeId;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;

/**
 * All nodes' records (Scuttlebutt reconciliation, van Renesse et al. 2008): a view of a record is (boot, version), and has everything its
 * owner did in that boot up to that version, so a digest of maximum versions says exactly what is missing. A higher boot replaces.
 *
 * <p>Only this node changes its own record: what others say of it is not taken in here.
 */
public final class RecordTable implements Records {
    private final NodeId self;
    private final TreeMap<NodeId, NodeRecord> byNode = new TreeMap<>();
    private final BucketFingerprints fingerprints = new BucketFingerprints();

    public RecordTable(NodeId self, long boot) {
        this.self = self;
        NodeRecord own = new NodeRecord(self, boot);
        own.begin();
        replace(self, own);
    }

    /** What a delta did to this view: nothing, a gap before it, or these keys changed (all of them where the boot is new). */
    public record Applied(Kind kind, List<String> keys) {
        public enum Kind { KNOWN, GAP, CHANGED, NEW_BOOT }

        private static final Applied KNOWN = new Applied(Kind.KNOWN, List.of());
        private static final Applied GAP = new Applied(Kind.GAP, List.of());

        public boolean isNews() {
            return kind == Kind.CHANGED || kind == Kind.NEW_BOOT;
        }
    }

    public Applied apply(RecordDelta delta) {
        NodeRecord record = byNode.get(delta.node());
        if (delta.node().equals(self) || (record != null && delta.boot() < record.boot())) {
            return Applied.KNOWN;
        }
        if (record == null || delta.boot() > record.boot()) {
            if (delta.base() > 0) {
                return Applied.GAP;
            }
            NodeRecord fresh = new NodeRecord(delta.node(), delta.boot());
            List<String> keys = fresh.take(delta);
            replace(delta.node(), fresh);
            return new Applied(Applied.Kind.NEW_BOOT, keys);
        }
        long version = record.digest().version();
        if (delta.upTo() <= version) {
            return Applied.KNOWN;
        }
        if (delta.base() > version) {
            return Applied.GAP;
        }
        fingerprints.toggle(delta.node(), record.fingerprint());
        List<String> keys = record.take(delta);
        fingerprints.toggle(delta.node(), record.fingerprint());
        return new Applied(Applied.Kind.CHANGED, keys);
    }

    /** Sets a key of this node's own record: false where it is so already. */
    public boolean put(String key, Bytes value) {
        return !value.equals(own().live().get(key)) && changeOwn(key, value);
    }

    /** Removes a key of this node's own record: false where there is none. */
    public boolean remove(String key) {
        return own().live().containsKey(key) && changeOwn(key, null);
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

    /** What a view at {@code theirs} lacks, cut at an entry border when above {@code maxBytes}; null where it lacks nothing. */
    public RecordDelta since(RecordDigest theirs, int maxBytes) {
        NodeRecord record = byNode.get(theirs.node());
        if (record == null || !record.digest().isAheadOf(theirs)) {
            return null;
        }
        return record.since(theirs.boot() == record.boot() ? Math.max(0, theirs.version()) : 0, maxBytes);
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
