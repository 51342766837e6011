package dev.starling.gossip.record;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.Fingerprint;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Statement;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.function.Supplier;

/**
 * One node's record during one of its boots. Version 1 is the boot itself, so that even an empty record replaces the one of the boot before;
 * each change after it takes the next version. Tombstones stay until the next boot: a view that lags behind learns of the removal. Where they
 * come to be many the owner begins another boot ({@link #isWornOut}).
 *
 * <p>The owner signs (node, boot, version, hash of all entries): with it anybody can pass the record on, and nobody can add, change or
 * leave out an entry.
 */
final class NodeRecord {
    /** Tombstones that a record may have, however few keys are alive. */
    private static final int FEW_TOMBSTONES = 1_000;

    private final NodeId node;
    private final long boot;
    private KeyedEntries entries = KeyedEntries.none();
    private long version;
    /** The owner's, over {@link #statement}; empty where it has not signed this version, or not told its signature. */
    private Bytes signature = Bytes.EMPTY;

    NodeRecord(NodeId node, long boot) {
        this.node = node;
        this.boot = boot;
    }

    long boot() {
        return boot;
    }

    long version() {
        return version;
    }

    /** The live keys; a copy. */
    SortedMap<String, Bytes> live() {
        SortedMap<String, Bytes> live = new TreeMap<>();
        entries.forEach(entry -> {
            if (!entry.isTombstone()) {
                live.put(entry.key(), entry.value());
            }
        });
        return live;
    }

    /** Null where the key is not live. */
    Bytes value(String key) {
        RecordEntry entry = entries.get(key);
        return entry == null ? null : entry.value();
    }

    RecordDigest digest() {
        return new RecordDigest(node, boot, version);
    }

    long fingerprint() {
        return version == 0 ? 0 : Fingerprint.of(node.value(), boot, version);
    }

    /** What the owner signs of this version. */
    byte[] statement() {
        return statement(version, entries);
    }

    private byte[] statement(long ofVersion, KeyedEntries ofEntries) {
        return new Statement("starling-record-1").text(node.value()).number(boot).number(ofVersion).bytes(ofEntries.root().array()).toBytes();
    }

    boolean isSigned() {
        return !signature.isEmpty();
    }

    void sign(Bytes ownSignature) {
        signature = ownSignature;
    }

    /** The owner's announcement of the boot. */
    void begin() {
        version = 1;
    }

    /** The owner's change: a value, or null for a tombstone. */
    void change(String key, Bytes value) {
        version++;
        signature = Bytes.EMPTY;
        entries = entries.with(List.of(new RecordEntry(key, version, value)));
    }

    /**
     * Takes the part of {@code delta} that is news; the caller has checked that it is of this boot and leaves no gap.
     *
     * @param accepted is asked with what the owner would sign of the outcome; where it says no, nothing is taken
     * @param sharing  see {@link RecordSharing}
     * @return the keys that changed; null where it was not accepted
     */
    List<String> take(RecordDelta delta, Predicate<Supplier<byte[]>> accepted, RecordSharing sharing) {
        List<RecordEntry> news = delta.entries().stream().filter(entry -> entry.version() > version).toList();
        KeyedEntries next = entries.with(news);
        if (!accepted.test(() -> statement(delta.upTo(), next))) {
            return null;
        }
        entries = sharing.shared(next);
        version = delta.upTo();
        signature = delta.signature();
        return news.stream().map(RecordEntry::key).toList();
    }

    /** What came after version {@code since}: all of it, signed, or as many entries as {@code maxBytes} hold, but at least one. */
    RecordDelta since(long since, int maxBytes) {
        List<RecordEntry> later = later(since);
        int bytes = RecordDelta.FRAME_BYTES;
        for (int i = 0; i < later.size(); i++) {
            bytes += later.get(i).approximateBytes();
            if (bytes > maxBytes && i > 0) {
                return new RecordDelta(node, boot, since, later.get(i - 1).version(), later.subList(0, i), Bytes.EMPTY);
            }
        }
        return new RecordDelta(node, boot, since, version, later, signature);
    }

    /** By version. Looked for among all: who asks signs, checks or sends what is found, which costs far more. */
    private List<RecordEntry> later(long since) {
        List<RecordEntry> later = new ArrayList<>();
        entries.forEach(entry -> {
            if (entry.version() > since) {
                later.add(entry);
            }
        });
        later.sort(Comparator.comparingLong(RecordEntry::version));
        return later;
    }

    /** There is more of what was removed than of what is there: it would be shorter if it began anew. */
    boolean isWornOut() {
        if (entries.size() <= FEW_TOMBSTONES) { // asked at each removal, and they are counted one by one
            return false;
        }
        int tombstones = entries.tombstones();
        return tombstones > FEW_TOMBSTONES && tombstones > 2 * (entries.size() - tombstones);
    }
}
