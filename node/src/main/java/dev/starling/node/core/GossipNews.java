package dev.starling.node.core;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.Gossip;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Output;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.member.Member;
import dev.starling.scheduler.model.Time;
import java.util.Collection;
import java.util.List;
import java.util.SortedMap;
import java.util.function.Consumer;

/** Takes over what gossip tells, or told before a restart: changes into the state that the next view is built of, the rest outside. */
final class GossipNews {
    private final NodeId self;
    private final Gossip gossip;
    private final ViewBuilder state;
    private final ViewCache views;
    private final PlanTurns turns;
    private final LeaseExchange leases;
    private final HybridClock clock;
    private final long maxClockAhead;
    private final Consumer<NodeEffect> effects;
    private boolean nodesChanged;

    /** @param maxClockAhead see {@link NodeCore.Config} */
    GossipNews(NodeId self, Gossip gossip, ViewBuilder state, ViewCache views, PlanTurns turns, LeaseExchange leases, HybridClock clock,
            long maxClockAhead, Consumer<NodeEffect> effects) {
        this.self = self;
        this.gossip = gossip;
        this.state = state;
        this.views = views;
        this.turns = turns;
        this.leases = leases;
        this.clock = clock;
        this.maxClockAhead = maxClockAhead;
        this.effects = effects;
    }

    /** What gossip was given from the disk, and tells nobody as a change therefore. */
    void restored(Collection<DesiredObject> desired) {
        for (Member member : gossip.members().values()) {
            if (!member.id().equals(self)) {
                effects.accept(new NodeEffect.MemberChanged(null, member));
            }
        }
        for (DesiredObject object : desired) {
            learn(object);
            clock.observe(object.time());
            if (object.kind() == Kind.NODE && object.deleted()) {
                effects.accept(new NodeEffect.NodeRemoved(new NodeId(object.uid())));
            }
        }
    }

    /** All that gossip has put out since the last call. */
    void take(Time now) {
        Handler handler = new Handler(now);
        List<Output> outputs;
        while (!(outputs = gossip.drain()).isEmpty()) {
            outputs.forEach(output -> output.handle(handler));
        }
    }

    /** Whether the document of a node has come or changed since this was asked last. */
    boolean takeNodesChanged() {
        boolean changed = nodesChanged;
        nodesChanged = false;
        return changed;
    }

    boolean isRemoved(NodeId node) {
        DesiredObject enrolled = gossip.desired().get(node.value());
        return enrolled != null && enrolled.deleted();
    }

    private void learn(DesiredObject object) {
        state.desiredChanged(object);
        nodesChanged |= object.kind() == Kind.NODE;
        if (object.kind() == Kind.SERVICE && object.deleted()) {
            leases.serviceDeleted(object.uid());
        }
    }

    /** {@code docker node rm}. One that was removed while it was up is heard no more, and forgotten once it counts as dead. */
    private void removed(NodeId node, Time now) {
        effects.accept(new NodeEffect.NodeRemoved(node));
        Member member = gossip.members().get(node);
        if (member != null && !member.status().isUp()) {
            gossip.forget(node, now.monotonicMillis());
        }
        state.forget(node);
    }

    private void takeRecord(NodeId node, String key, Time now) {
        if (key == null) {
            SortedMap<String, Bytes> record = gossip.records().of(node);
            state.recordReplaced(node, record);
            leases.learn(record, now);
        } else {
            Bytes value = gossip.records().value(node, key);
            state.recordChanged(node, key, value);
            leases.learn(key, value, now);
        }
    }

    private void changed() {
        views.changed();
        turns.changed();
    }

    /** A suspicion and its refutation are not, though its views have them: the member counts as up all the while, and there are many where links are bad. */
    private static boolean isNewToScheduler(Member before, Member now) {
        return before == null || now == null || before.status().isUp() != now.status().isUp()
                || !before.endpoint().equals(now.endpoint()) || before.role() != now.role();
    }

    private final class Handler implements Output.Handler {
        private final Time now;

        Handler(Time now) {
            this.now = now;
        }

        @Override
        public void on(Output.Send send) {
            effects.accept(new NodeEffect.Send(send.to(), send.message()));
        }

        @Override
        public void on(Output.MemberChanged change) {
            effects.accept(new NodeEffect.MemberChanged(change.before(), change.now()));
            if (change.now() != null && !change.now().status().isUp() && isRemoved(change.now().id())) {
                removed(change.now().id(), now);
            }
            if (isNewToScheduler(change.before(), change.now())) {
                state.membersChanged();
                changed();
            } else {
                state.suspicionsChanged();
                views.changed();
            }
        }

        @Override
        public void on(Output.DesiredChanged change) {
            DesiredObject object = change.object();
            if (object.time().wallMillis() - now.wallMillis() <= maxClockAhead) {
                clock.observe(object.time());
            }
            learn(object);
            if (object.kind() == Kind.NODE && object.deleted()) {
                removed(new NodeId(object.uid()), now);
            }
            effects.accept(new NodeEffect.PersistDesired(object));
            changed();
        }

        @Override
        public void on(Output.RecordChanged change) {
            if (!change.node().equals(self)) {
                takeRecord(change.node(), change.key(), now);
                changed();
            }
        }

        @Override
        public void on(Output.Refused refused) {
            effects.accept(new NodeEffect.Refused(refused.teller(), refused.reason(), refused.detail()));
        }

        @Override
        public void on(Output.Replicated replicated) {
            effects.accept(new NodeEffect.Replicated(replicated.uid(), replicated.generation(), replicated.copies()));
        }
    }
}
