package dev.starling.node.core;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.Gossip;
import dev.starling.gossip.NodeId;
import dev.starling.scheduler.model.ServiceLoad;
import dev.starling.scheduler.model.Time;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * What this node says of itself: its record, which only it writes. A value goes to the others, into the state that the next view is built of,
 * and to the disk, in this order and only where it is another one than before.
 */
final class OwnRecordWriter {
    private final NodeId self;
    private final Gossip gossip;
    private final ViewBuilder state;
    private final ViewCache views;
    private final Consumer<NodeEffect> effects;

    OwnRecordWriter(NodeId self, Gossip gossip, ViewBuilder state, ViewCache views, Consumer<NodeEffect> effects) {
        this.self = self;
        this.gossip = gossip;
        this.state = state;
        this.views = views;
        this.effects = effects;
    }

    void put(String key, Bytes value, Time now) {
        if (value.equals(value(key))) {
            return;
        }
        gossip.put(key, value, now.monotonicMillis());
        changed(key, value);
        effects.accept(new NodeEffect.PersistRecord(key, Optional.of(value)));
    }

    void remove(String key, Time now) {
        gossip.remove(key, now.monotonicMillis());
        changed(key, null);
        effects.accept(new NodeEffect.PersistRecord(key, Optional.empty()));
    }

    /** @param keys oldest first; none: this node cannot encrypt */
    void putEncryption(List<Bytes> keys, List<String> ciphers, Optional<TunnelReach> reach, Time now) {
        if (!keys.isEmpty()) {
            put(RecordKeys.ENCRYPTION, RecordCodec.encode(keys, ciphers, reach), now);
        } else if (value(RecordKeys.ENCRYPTION) != null) {
            remove(RecordKeys.ENCRYPTION, now);
        }
    }

    /** Nothing is said any more to peers that are not in it. */
    void putAcknowledgements(SortedMap<NodeId, KeyAcknowledgement> acknowledgements, Time now) {
        for (String key : values().keySet()) {
            if (RecordKeys.isAcknowledgement(key) && !acknowledgements.containsKey(RecordKeys.acknowledgedPeer(key))) {
                remove(key, now);
            }
        }
        acknowledgements.forEach((peer, said) -> put(RecordKeys.acknowledged(peer), RecordCodec.encode(said), now));
    }

    /** Not for the disk: it is soon measured again, and a flash card is not to wear out by it. @return whether it is news */
    boolean putLoads(List<ServiceLoad> loads, Time now) {
        Bytes value = loads.isEmpty() ? null : RecordCodec.encodeLoads(loads);
        if (Objects.equals(value, value(RecordKeys.LOADS))) {
            return false;
        }
        if (value == null) {
            gossip.remove(RecordKeys.LOADS, now.monotonicMillis());
        } else {
            gossip.put(RecordKeys.LOADS, value, now.monotonicMillis());
        }
        changed(RecordKeys.LOADS, value);
        return true;
    }

    /** What of it belongs on the disk. */
    SortedMap<String, Bytes> kept() {
        SortedMap<String, Bytes> kept = values();
        kept.remove(RecordKeys.LOADS);
        return kept;
    }

    private Bytes value(String key) {
        return gossip.records().value(self, key);
    }

    /** A copy. */
    SortedMap<String, Bytes> values() {
        return gossip.records().of(self);
    }

    /** No cause for another plan by itself: what the scheduler has put here it need not be asked about again. */
    private void changed(String key, Bytes value) {
        state.recordChanged(self, key, value);
        views.changed();
    }
}
