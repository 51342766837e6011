package dev.starling.gossip.record;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.Fingerprint;
import dev.starling.gossip.NodeId;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * One node's record during one of its boots. Version 1 is the boot itself, so that even an empty record replaces the one of the boot before;
 * each change after it takes the next version. Tombstones stay until the next boot: a view that lags behind learns of the removal.
 */
final class NodeRecord {
    private final NodeId node;
    private final long boot;
    private Content content = Content.NONE;
    private long version;

    /** Made with the first entry: of the many records that a node of a large cluster holds, most may be empty. */
    private record Content(TreeMap<String, RecordEntry> byKey, TreeMap<Long, RecordEntry> byVersion, TreeMap<String, Bytes> live,
            SortedMap<String, Bytes> liveView) {
        private static final Content NONE = create();

        static Content create() {
            TreeMap<String, Bytes> live = new TreeMap<>();
            return new Content(new TreeMap<>(), new TreeMap<>(), live, Collections.unmodifiableSortedMap(live));
        }
    }

    NodeRecord(NodeId node, long boot) {
        this.node = node;
        this.boot = boot;
    }

    long boot() {
        return boot;
    }

    SortedMap<String, Bytes> live() {
        return content.liveView();
    }

    RecordDigest digest() {
        return new RecordDigest(node, boot, version);
    }

    long fingerprint() {
        return version == 0 ? 0 : Fingerprint.of(node.value(), boot, version);
    }

    /** The owner's announcement of the boot. */
    void begin() {
        version = 1;
    }

    /** The owner's change: a value, or null for a tombstone. */
    void change(String key, Bytes value) {
        version++;
        set(new RecordEntry(key, version, value));
    }

    /** Takes the part of {@code delta} that is news; the caller has checked that it is of this boot and leaves no gap. */
    List<String> take(RecordDelta delta) {
        List<String> changed = new ArrayList<>();
        for (RecordEntry entry : delta.entries()) {
            if (entry.version() > version) {
                set(entry);
                changed.add(entry.key());
            }
        }
        version = delta.upTo();
        return changed;
    }

    /** What came after version {@code since}: all of it, or as many entries as {@code maxBytes} hold, but at least one. */
    RecordDelta since(long since, int maxBytes) {
        List<RecordEntry> entries = new ArrayList<>();
        int bytes = 64;
        for (RecordEntry entry : content.byVersion().tailMap(since, false).values()) {
            bytes += entry.approximateBytes();
            if (bytes > maxBytes && !entries.isEmpty()) {
                return new RecordDelta(node, boot, since, entries.get(entries.size() - 1).version(), entries);
            }
            entries.add(entry);
        }
        return new RecordDelta(node, boot, since, version, entries);
    }

    private void set(RecordEntry entry) {
        if (content == Content.NONE) {
            content = Content.create();
        }
        RecordEntry before = content.byKey().put(entry.key(), entry);
        if (before != null) {
            content.byVersion().remove(before.version());
        }
        content.byVersion().put(entry.version(), entry);
        if (entry.isTombstone()) {
            content.live().remove(entry.key());
        } else {
            content.live().put(entry.key(), entry.value());
        }
    }
}
