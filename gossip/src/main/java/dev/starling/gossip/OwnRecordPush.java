package dev.starling.gossip;

import dev.starling.gossip.record.RecordDelta;
import dev.starling.gossip.record.RecordDigest;
import dev.starling.gossip.record.RecordTable;

/**
 * Tells the others what has changed in this node's own record: the first change after a pause at once, what follows gathers for a moment. A node that starts
 * ten containers tells thirty changes within a tenth of a second, and every other one would check a signature for each.
 */
final class OwnRecordPush {
    private final NodeId self;
    private final RecordTable records;
    private final Spread spread;
    private final int pieceBytes;
    private final int mostBytes;
    /** Up to where it was told. */
    private long toldVersion;
    private long notBefore = Long.MIN_VALUE;

    OwnRecordPush(NodeId self, RecordTable records, Spread spread, GossipConfig config) {
        this.self = self;
        this.records = records;
        this.spread = spread;
        this.pieceBytes = config.pieceBytes() / 2;
        this.mostBytes = config.maxValueBytes();
    }

    /** When {@link #gather} has something to do; Long.MAX_VALUE for never. */
    long nextTick() {
        return toldVersion < records.digest(self).version() ? notBefore : Long.MAX_VALUE;
    }

    /** Hands what is due to those that spread it. */
    void gather(long now) {
        if (now < notBefore) {
            return;
        }
        for (RecordDigest end = records.digest(self); toldVersion < end.version(); ) {
            notBefore = now + Spread.RELAY_INTERVAL_MILLIS;
            // The others have the record of the boot before: what replaces it comes whole, or they would see a part of it for a moment, and take the rest for gone.
            RecordDelta delta = records.since(new RecordDigest(self, end.boot(), toldVersion), toldVersion == 0 ? mostBytes : pieceBytes);
            spread.add(delta, Spread.Source.OWN);
            toldVersion = delta.upTo();
        }
    }

    /** The record goes on under another boot: all of it is news. */
    void startOver() {
        toldVersion = 0;
        notBefore = Long.MIN_VALUE;
    }
}
