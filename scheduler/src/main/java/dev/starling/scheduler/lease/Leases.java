package dev.starling.scheduler.lease;

import dev.starling.gossip.NodeId;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Time;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.OptionalLong;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * All that one node has to do with exclusive slots: its votes as a steward, and the slots that it wants or holds itself. Pure; what it says
 * comes out of {@link #drain}. Its own vote is one like any other, and goes the same way.
 */
public final class Leases {
    /** A slot that this node wants to run, who votes on it at first, and which nodes could be stewards now. */
    public record Wish(Slot slot, Stewards first, Collection<NodeId> enrolled, Collection<NodeId> ready) {}

    /** What is to be done outside, in order. */
    public sealed interface Output {
        record Send(NodeId to, LeaseMessage message) implements Output {}

        /** To be on disk before what comes after it is sent; a null promise: none is needed any more. */
        record Keep(Slot slot, Promise promise) implements Output {}

        /** The slot's stewards have changed: to be told to all, so that who wants the slot later knows whom to ask. */
        record Tell(Slot slot, Stewards stewards) implements Output {}
    }

    private final NodeId self;
    private final LeaseConfig config;
    private final SortedMap<Slot, Promise> restored = new TreeMap<>();
    private final SortedMap<Slot, Vote> votes = new TreeMap<>();
    private final SortedMap<Slot, Tenancy> tenancies = new TreeMap<>();
    private final SortedMap<Slot, Wish> wishes = new TreeMap<>();
    /** The newest stewards heard of, where they are not the first. */
    private final SortedMap<Slot, Stewards> known = new TreeMap<>();
    private final List<Output> outputs = new ArrayList<>();
    private final SortedSet<String> deleted = new TreeSet<>();
    private long startedAt;
    private boolean gained;

    public Leases(NodeId self, LeaseConfig config) {
        this.self = self;
        this.config = config;
    }

    public LeaseConfig config() {
        return config;
    }

    /** Before {@link #start}: what this node had promised, by its disk. */
    public void restore(SortedMap<Slot, Promise> promises) {
        restored.putAll(promises);
    }

    public void start(long now) {
        startedAt = now;
        restored.forEach((slot, promise) -> votes.put(slot, Vote.restored(promise, now, config)));
        restored.clear();
    }

    /** The slots wanted from now on; the others are given up once they are not {@code occupied}: their last container has ended. */
    public void want(SortedMap<Slot, Wish> wanted, SortedSet<Slot> occupied, long now) {
        wishes.clear();
        wishes.putAll(wanted);
        for (Slot slot : List.copyOf(tenancies.keySet())) {
            if (!wishes.containsKey(slot) && !occupied.contains(slot)) {
                send(tenancies.remove(slot).release());
            }
        }
        for (Wish wish : wishes.values()) {
            if (!tenancies.containsKey(wish.slot())) {
                Stewards stewards = known.getOrDefault(wish.slot(), wish.first());
                tenancies.put(wish.slot(), Tenancy.of(self, wish.slot(), stewards, now));
            }
        }
    }

    /** The term in which this node holds the slot: its fencing token. Empty: no container of the slot may run here. */
    public OptionalLong token(Slot slot, long now) {
        Tenancy tenancy = tenancies.get(slot);
        return tenancy != null && tenancy.holds(now) && tenancy.term() > 0 ? OptionalLong.of(tenancy.term()) : OptionalLong.empty();
    }

    /** Monotonic milliseconds at which what is held ends unless it is renewed; 0 where nothing is. */
    public long heldUntil(Slot slot) {
        Tenancy tenancy = tenancies.get(slot);
        return tenancy == null ? 0 : tenancy.heldUntil();
    }

    public void receive(NodeId from, LeaseMessage message, long now) {
        if (message instanceof LeaseMessage.Ask || message instanceof LeaseMessage.Propose || message instanceof LeaseMessage.Release) {
            asSteward(from, message, now);
            return;
        }
        Tenancy before = tenancies.get(message.slot());
        if (before != null) {
            advance(before, before.hear(from, message, now, config), now);
        }
    }

    private void asSteward(NodeId from, LeaseMessage message, long now) {
        if (deleted.contains(message.slot().serviceUid())) {
            return;
        }
        Vote before = votes.getOrDefault(message.slot(), Vote.restored(null, startedAt, config));
        Vote.Answer answer = before.hear(self, from, message, now, config);
        if (answer.after().promise() != null) {
            votes.put(message.slot(), answer.after());
            if (!answer.after().promise().equals(before.promise())) {
                outputs.add(new Output.Keep(message.slot(), answer.after().promise()));
            }
        }
        if (answer.reply() != null) {
            outputs.add(new Output.Send(from, answer.reply()));
        }
    }

    private void advance(Tenancy before, Tenancy.Step step, long now) {
        Tenancy after = step.after();
        gained |= !before.holds(now) && after.holds(now);
        tenancies.put(after.slot(), after);
        if (after.stewards().epoch() > before.stewards().epoch()) {
            learnt(after.slot(), after.stewards());
            outputs.add(new Output.Tell(after.slot(), after.stewards()));
        }
        send(step.letters());
    }

    /** From another node's record. */
    public void learn(Slot slot, Stewards stewards, long now) {
        learnt(slot, stewards);
        tenancies.computeIfPresent(slot, (same, tenancy) -> tenancy.learn(stewards, now));
    }

    private void learnt(Slot slot, Stewards stewards) {
        known.merge(slot, stewards, (a, b) -> a.epoch() >= b.epoch() ? a : b);
    }

    private void send(List<Tenancy.Letter> letters) {
        for (Tenancy.Letter letter : letters) {
            letter.to().forEach(to -> outputs.add(new Output.Send(to, letter.message())));
        }
    }

    public void tick(Time now) {
        for (Wish wish : wishes.values()) {
            Tenancy before = tenancies.get(wish.slot());
            if (before.askAt() <= now.monotonicMillis()) {
                Stewards target = before.stewards().renewed(wish.slot(), wish.enrolled(), wish.ready());
                advance(before, before.tick(now.monotonicMillis(), now.wallMillis(), target, config), now.monotonicMillis());
            }
        }
    }

    /** Monotonic milliseconds; Long.MAX_VALUE where nothing is wanted. */
    public long nextTick() {
        return tenancies.values().stream().filter(tenancy -> wishes.containsKey(tenancy.slot()) && !tenancy.stewards().nodes().isEmpty())
                .mapToLong(Tenancy::askAt).min().orElse(Long.MAX_VALUE);
    }

    /** The service was deleted, and deleted for good: nobody is voted for any more. */
    public void serviceDeleted(String uid) {
        if (!deleted.add(uid)) {
            return;
        }
        for (Slot slot : votes.keySet().stream().filter(slot -> slot.serviceUid().equals(uid)).toList()) {
            votes.remove(slot);
            outputs.add(new Output.Keep(slot, null));
        }
        known.keySet().removeIf(slot -> slot.serviceUid().equals(uid));
    }

    /** Some slot came to be held, or its hold was prolonged after it had ended, since the last call. */
    public boolean takeGained() {
        boolean was = gained;
        gained = false;
        return was;
    }

    public boolean hasOutput() {
        return !outputs.isEmpty();
    }

    public List<Output> drain() {
        List<Output> out = List.copyOf(outputs);
        outputs.clear();
        return out;
    }
}
