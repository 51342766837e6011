package dev.starling.gossip.record;

import dev.starling.gossip.Bytes;
import java.util.Objects;

/** A key at a version of its record. {@code value} is null for a tombstone. */
public record RecordEntry(String key, long version, Bytes value) {
    public RecordEntry {
        Objects.requireNonNull(key, "key");
    }

    public boolean isTombstone() {
        return value == null;
    }

    /** About its encoded size, rather more than less. */
    int approximateBytes() {
        return 12 + 3 * key.length() + (value == null ? 0 : value.size());
    }
}
