package dev.starling.gossip.record;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.NodeId;
import java.util.List;
import java.util.Objects;

/**
 * What changed in {@code node}'s record after version {@code base} up to and including {@code upTo}: the latest entry of each key in that
 * range, in version order. A view that reaches at least {@code base} reaches at least {@code upTo} once it has taken it.
 *
 * @param signature the owner's over the record as it is at {@code upTo}; empty in a piece of a large record, which is taken from nobody but the owner
 */
public record RecordDelta(NodeId node, long boot, long base, long upTo, List<RecordEntry> entries, Bytes signature) {
    /** All but the entries. */
    static final int FRAME_BYTES = 160;

    public RecordDelta {
        Objects.requireNonNull(node, "node");
        Objects.requireNonNull(signature, "signature");
        if (base < 0 || upTo <= base) {
            throw new IllegalArgumentException("a record delta goes from 0 or above to a later version, got " + base + " to " + upTo);
        }
        long version = base;
        for (RecordEntry entry : entries) {
            if (entry.version() <= version || entry.version() > upTo) {
                throw new IllegalArgumentException("entry at version " + entry.version() + " after " + version + " in a delta up to " + upTo);
            }
            version = entry.version();
        }
        entries = List.copyOf(entries);
    }

    public boolean isSigned() {
        return !signature.isEmpty();
    }

    /** About its encoded size, rather more than less. */
    public int approximateBytes() {
        int bytes = FRAME_BYTES;
        for (RecordEntry entry : entries) {
            bytes += entry.approximateBytes();
        }
        return bytes;
    }
}
