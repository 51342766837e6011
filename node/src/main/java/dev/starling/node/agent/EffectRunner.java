package dev.starling.node.agent;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.member.Member;
import dev.starling.node.core.NodeEffect;
import dev.starling.node.task.TaskRunner;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Carries the core's effects to the adapters. Messages and stops leave at once. A claim is on disk before its container is started: a
 * start waits for the transaction that holds the writes before it. If that write fails it goes on all the same: a node with a full disk
 * still runs its tasks. Removals keep their place behind the starts, for a container that is removed before it is started would stay.
 */
final class EffectRunner implements Consumer<List<NodeEffect>> {
    private static final Logger LOG = LoggerFactory.getLogger(EffectRunner.class);

    /** Where effects go. */
    interface Ports {
        void send(NodeEffect.Send send);

        void memberChanged(Member before, Member now);

        void removed(NodeId node);

        void refused(NodeEffect.Refused refused);

        /** On the storage thread: what was promised up to {@code number} is on disk. */
        void promised(long number);

        /** On the storage thread or, where the disk hangs, a timer's. @param trouble why it is not on disk; null where it is */
        void stored(DesiredObject object, String trouble);

        void replicated(String uid, long generation, int copies);
    }

    private final Ports ports;
    private final Storage storage;
    private final TaskRunner tasks;
    /** On the core's thread only. */
    private final SortedMap<NodeId, Member> members = new TreeMap<>();

    EffectRunner(Ports ports, Storage storage, TaskRunner tasks) {
        this.ports = ports;
        this.storage = storage;
        this.tasks = tasks;
    }

    @Override
    public void accept(List<NodeEffect> effects) {
        Round round = new Round();
        for (NodeEffect effect : effects) {
            try {
                effect.handle(round);
            } catch (RuntimeException e) { // the core has handed out the others too, and will not do so again
                LOG.error("{} was not carried out: {}", effect.getClass().getSimpleName(), e.toString(), e);
            }
        }
        round.submit();
    }

    /** The disk keeps addresses to come back to, not who is up at the moment: a suspicion costs no write. */
    private static boolean changesDisk(NodeEffect.MemberChanged change) {
        return change.before() == null || change.now() == null || !change.before().endpoint().equals(change.now().endpoint());
    }

    /** The effects of one go: what is to be written gathers into one transaction, and containers wait for it. */
    private final class Round implements NodeEffect.Handler {
        private final List<DesiredObject> desired = new ArrayList<>();
        private final Map<String, Optional<Bytes>> record = new LinkedHashMap<>();
        private final List<Runnable> afterwards = new ArrayList<>();
        private final List<Runnable> onlyIfStored = new ArrayList<>();
        private boolean membersChanged;
        private boolean starts;

        @Override
        public void on(NodeEffect.Send send) {
            ports.send(send);
        }

        @Override
        public void on(NodeEffect.PersistDesired persist) {
            desired.add(persist.object());
        }

        @Override
        public void on(NodeEffect.PersistRecord persist) {
            record.put(persist.key(), persist.value());
        }

        @Override
        public void on(NodeEffect.PersistPromise promise) {
            record.put(promise.key(), promise.value());
            onlyIfStored.add(() -> ports.promised(promise.number()));
        }

        @Override
        public void on(NodeEffect.MemberChanged change) {
            membersChanged |= changesDisk(change);
            if (change.now() == null) {
                members.remove(change.before().id());
            } else {
                members.put(change.now().id(), change.now());
            }
            ports.memberChanged(change.before(), change.now());
        }

        @Override
        public void on(NodeEffect.NodeRemoved removed) {
            ports.removed(removed.node());
        }

        @Override
        public void on(NodeEffect.Refused refused) {
            ports.refused(refused);
        }

        @Override
        public void on(NodeEffect.Replicated replicated) {
            ports.replicated(replicated.uid(), replicated.generation(), replicated.copies());
        }

        @Override
        public void on(NodeEffect.StartTask start) {
            starts = true;
            afterwards.add(() -> tasks.start(start.task()));
        }

        @Override
        public void on(NodeEffect.StopTask stop) {
            LOG.info("stopping task {}: {}", stop.task().id(), stop.reason());
            tasks.stop(stop.task()); // of a start that still waits for the disk it makes nothing
        }

        @Override
        public void on(NodeEffect.RemoveTask remove) {
            afterwards.add(() -> tasks.remove(remove.task()));
        }

        void submit() {
            if (desired.isEmpty() && record.isEmpty() && afterwards.isEmpty() && !membersChanged) {
                return;
            }
            storage.submit(new Storage.Batch(desired, record, membersChanged ? List.copyOf(members.values()) : null, urgency(), then()));
        }

        private Storage.Urgency urgency() {
            return !desired.isEmpty() || !onlyIfStored.isEmpty() || starts ? Storage.Urgency.NOW : membersChanged ? Storage.Urgency.SOON : Storage.Urgency.LATER;
        }

        private Storage.Outcome then() {
            return desired.isEmpty() && afterwards.isEmpty() && onlyIfStored.isEmpty() ? null : trouble -> {
                desired.forEach(object -> ports.stored(object, trouble));
                if (trouble == null) {
                    onlyIfStored.forEach(Runnable::run);
                }
                afterwards.forEach(Runnable::run);
            };
        }
    }
}
