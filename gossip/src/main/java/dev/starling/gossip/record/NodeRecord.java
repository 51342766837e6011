package dev.starling.gossip.record;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.Fingerprint;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Statement;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;

/**
 * One node's record during one of its boots. Version 1 is the boot itself, so that even an empty record replaces the one of the boot before;
 * each change after it takes the next version. Tombstones stay until the next boot: a view that lags behind learns of the removal. Where they
 * come to be many the owner begins another boot ({@link #isWornOut}).
 *
 * <p>The owner signs (node, boot, version, hash of all entries): with it anybody can pass the record on, and nobody can add, change or
 * leave out an entry.
 */
final class NodeRecord {
    private final NodeId node;
    private final long boot;
    /** Null before the first entry: of the many records that a node of a large cluster holds, most may be empty. */
    private KeyedEntries entries;
    private long version;
    private int tombstones;
    /** The owner's, over {@link #statement}; empty where it has not signed this version, or not told its signature. */
    private Bytes signature = Bytes.EMPTY;

    /** Tombstones that a record may have, however few keys are alive. */
    private static final int FEW_TOMBSTONES = 1_000;

    /** What an entry took the place of; {@code before} null for nothing. */
    private record Replaced(RecordEntry entry, RecordEntry before) {}

    NodeRecord(NodeId node, long boot) {
        this.node = node;
        this.boot = boot;
    }

    long boot() {
        return boot;
    }

    /** The live keys; a copy. */
    SortedMap<String, Bytes> live() {
        SortedMap<String, Bytes> live = new TreeMap<>();
        if (entries != null) {
            entries.forEach(entry -> {
                if (!entry.isTombstone()) {
                    live.put(entry.key(), entry.value());
                }
            });
        }
        return live;
    }

    /** Null where the key is not live. */
    Bytes value(String key) {
        RecordEntry entry = entries == null ? null : entries.get(key);
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
        return new Statement("starling-record-1").text(node.value()).number(boot).number(version).bytes((entries == null ? new KeyedEntries() : entries).root()).toBytes();
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
        set(new RecordEntry(key, version, value));
    }

    /**
     * Takes the part of {@code delta} that is news; the caller has checked that it is of this boot and leaves no gap.
     *
     * @param accepted asked with all of it taken in; where it says no, this record is as it was before
     * @return the keys that changed; null where it was not accepted
     */
    List<String> take(RecordDelta delta, BooleanSupplier accepted) {
        long versionBefore = version;
        Bytes signatureBefore = signature;
        List<Replaced> replaced = new ArrayList<>();
        for (RecordEntry entry : delta.entries()) {
            if (entry.version() > version) {
                replaced.add(new Replaced(entry, set(entry)));
            }
        }
        version = delta.upTo();
        signature = delta.signature();
        if (accepted.getAsBoolean()) {
            return replaced.stream().map(change -> change.entry().key()).toList();
        }
        Collections.reverse(replaced);
        replaced.forEach(this::undo);
        version = versionBefore;
        signature = signatureBefore;
        return null;
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
        if (entries != null) {
            entries.forEach(entry -> {
                if (entry.version() > since) {
                    later.add(entry);
                }
            });
        }
        later.sort(Comparator.comparingLong(RecordEntry::version));
        return later;
    }

    private RecordEntry set(RecordEntry entry) {
        if (entries == null) {
            entries = new KeyedEntries();
        }
        RecordEntry before = entries.put(entry);
        tombstones += (entry.isTombstone() ? 1 : 0) - (before != null && before.isTombstone() ? 1 : 0);
        return before;
    }

    /** There is more of what was removed than of what is there: it would be shorter if it began anew. */
    boolean isWornOut() {
        return tombstones > FEW_TOMBSTONES && tombstones > 2 * (entries.size() - tombstones);
    }

    private void undo(Replaced replaced) {
        if (replaced.before() == null) {
            entries.remove(replaced.entry().key());
            tombstones -= replaced.entry().isTombstone() ? 1 : 0;
        } else {
            set(replaced.before());
        }
    }
}
