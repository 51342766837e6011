package dev.starling.node.core;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.NodeId;
import dev.starling.scheduler.lease.LeaseMessage;
import dev.starling.scheduler.lease.Leases;
import dev.starling.scheduler.lease.Promise;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Time;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/**
 * Carries votes between this node's {@link Leases} and the others': what goes to one node at one time is one parcel, and nothing leaves before
 * the promises that were made before it are on disk. A disk that refuses writes makes a steward that says nothing, not one that forgets.
 */
final class LeaseExchange {
    private static final int MOST_IN_PARCEL = 256;
    /** Answers wait for the disk; beyond so many the askers have to ask again. */
    private static final int MOST_WAITING = 65_536;

    private record Waiting(long promise, NodeId to, LeaseMessage message) {}

    private final NodeId self;
    private final Leases leases;
    private final BiConsumer<NodeId, Bytes> send;
    private final Consumer<NodeEffect> effects;
    private final ArrayDeque<Waiting> waiting = new ArrayDeque<>();
    private long promises;
    private long kept;
    private long malformed;

    LeaseExchange(NodeId self, Leases leases, BiConsumer<NodeId, Bytes> send, Consumer<NodeEffect> effects) {
        this.self = self;
        this.leases = leases;
        this.send = send;
        this.effects = effects;
    }

    /** Takes the promises out of what was on disk under the record's name. */
    void restore(SortedMap<String, Bytes> stored) {
        SortedMap<Slot, Promise> found = new TreeMap<>();
        for (String key : List.copyOf(stored.keySet())) {
            if (key.startsWith(RecordKeys.PROMISE)) {
                LeaseCodec.Kept one = LeaseCodec.decodePromise(stored.remove(key));
                found.put(one.slot(), one.promise());
            }
        }
        leases.restore(found);
    }

    /** What cannot be read is counted and dropped. */
    void receive(NodeId from, Bytes parcel, Time now) {
        List<LeaseMessage> messages;
        try {
            messages = LeaseCodec.decodeMessages(parcel);
        } catch (MalformedRecordException e) {
            malformed++;
            return;
        }
        messages.forEach(message -> leases.receive(from, message, now.monotonicMillis()));
    }

    /** A whole record of a node, see {@link #learn(String, Bytes, Time)}. */
    void learn(SortedMap<String, Bytes> record, Time now) {
        record.forEach((key, value) -> learn(key, value, now));
    }

    /** A value of a node's record, null for one that went. Those of interest say who votes on a slot, told by a node that held it when that changed. */
    void learn(String key, Bytes value, Time now) {
        if (value == null || !key.startsWith(RecordKeys.STEWARDS)) {
            return;
        }
        try {
            LeaseCodec.Told told = LeaseCodec.decodeStewards(value);
            leases.learn(told.slot(), told.stewards(), now.monotonicMillis());
        } catch (MalformedRecordException e) {
            malformed++;
        }
    }

    /** Nobody needs votes on its slots any more. */
    void serviceDeleted(String uid) {
        leases.serviceDeleted(uid);
    }

    long malformed() {
        return malformed;
    }

    /** The promises up to {@code number} are on disk. */
    void promised(long number) {
        kept = Math.max(kept, number);
    }

    /** Sends what may be sent now. @param tell puts a key into this node's record */
    void flush(Time now, BiConsumer<String, Bytes> tell) {
        SortedMap<NodeId, List<LeaseMessage>> letters = new TreeMap<>();
        do {
            for (Leases.Output output : leases.drain()) {
                take(output, tell);
            }
            while (!waiting.isEmpty() && waiting.peek().promise() <= kept) {
                Waiting next = waiting.remove();
                if (next.to().equals(self)) {
                    leases.receive(self, next.message(), now.monotonicMillis());
                } else {
                    letters.computeIfAbsent(next.to(), first -> new ArrayList<>()).add(next.message());
                }
            }
        } while (leases.hasOutput());
        letters.forEach((to, messages) -> {
            for (int i = 0; i < messages.size(); i += MOST_IN_PARCEL) {
                send.accept(to, LeaseCodec.encode(messages.subList(i, Math.min(messages.size(), i + MOST_IN_PARCEL))));
            }
        });
    }

    private void take(Leases.Output output, BiConsumer<String, Bytes> tell) {
        if (output instanceof Leases.Output.Send letter) {
            if (waiting.size() < MOST_WAITING) {
                waiting.add(new Waiting(promises, letter.to(), letter.message()));
            }
        } else if (output instanceof Leases.Output.Keep keep) {
            Optional<Bytes> value = Optional.ofNullable(keep.promise()).map(promise -> LeaseCodec.encode(keep.slot(), promise));
            effects.accept(new NodeEffect.PersistPromise(RecordKeys.promise(keep.slot()), value, ++promises));
        } else if (output instanceof Leases.Output.Tell told) {
            tell.accept(RecordKeys.stewards(told.slot()), LeaseCodec.encode(told.slot(), told.stewards()));
        }
    }
}
