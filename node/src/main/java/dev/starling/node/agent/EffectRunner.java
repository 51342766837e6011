package dev.starling.node.agent;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.member.Member;
import dev.starling.node.core.NodeEffect;
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
 * Carries the core's effects to the adapters. Messages leave at once. A claim is on disk before its container is started: starts and stops
 * wait for the transaction that holds the writes before them. If that write fails they go on all the same: a node with a full disk still
 * runs its tasks.
 */
final class EffectRunner implements Consumer<List<NodeEffect>> {
    private static final Logger LOG = LoggerFactory.getLogger(EffectRunner.class);

    /** Where effects go. */
    interface Ports {
        void send(NodeEffect.Send send);

        void memberChanged(Member before, Member now);

        void removed(NodeId node);

        /** On the storage thread: what was promised up to {@code number} is on disk. */
        void promised(long number);

        /** On the storage thread. */
        void stored(DesiredObject object, boolean stored);

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
        List<DesiredObject> desired = new ArrayList<>();
        Map<String, Optional<Bytes>> record = new LinkedHashMap<>();
        List<Runnable> afterwards = new ArrayList<>();
        List<Runnable> onlyIfStored = new ArrayList<>();
        boolean membersChanged = false;
        for (NodeEffect effect : effects) {
            if (effect instanceof NodeEffect.Send send) {
                ports.send(send);
            } else if (effect instanceof NodeEffect.PersistDesired persist) {
                desired.add(persist.object());
            } else if (effect instanceof NodeEffect.PersistRecord persist) {
                record.put(persist.key(), persist.value());
            } else if (effect instanceof NodeEffect.PersistPromise promise) {
                record.put(promise.key(), promise.value());
                onlyIfStored.add(() -> ports.promised(promise.number()));
            } else if (effect instanceof NodeEffect.MemberChanged change) {
                membersChanged |= changesDisk(change);
                if (change.now() == null) {
                    members.remove(change.before().id());
                } else {
                    members.put(change.now().id(), change.now());
                }
                ports.memberChanged(change.before(), change.now());
            } else if (effect instanceof NodeEffect.Replicated replicated) {
                ports.replicated(replicated.uid(), replicated.generation(), replicated.copies());
            } else if (effect instanceof NodeEffect.NodeRemoved removed) {
                ports.removed(removed.node());
            } else if (effect instanceof NodeEffect.StartTask start) {
                afterwards.add(() -> tasks.start(start.task()));
            } else if (effect instanceof NodeEffect.StopTask stop) {
                LOG.info("stopping task {}: {}", stop.task().id(), stop.reason());
                if (stop.atOnce()) {
                    tasks.stop(stop.task());
                } else {
                    afterwards.add(() -> tasks.stop(stop.task()));
                }
            } else if (effect instanceof NodeEffect.RemoveTask remove) {
                afterwards.add(() -> tasks.remove(remove.task()));
            } else {
                throw new IllegalStateException("unknown effect " + effect);
            }
        }
        if (desired.isEmpty() && record.isEmpty() && afterwards.isEmpty() && !membersChanged) {
            return;
        }
        storage.submit(new Storage.Batch(desired, record, membersChanged ? List.copyOf(members.values()) : null, stored -> {
            desired.forEach(object -> ports.stored(object, stored));
            if (stored) {
                onlyIfStored.forEach(Runnable::run);
            }
            afterwards.forEach(Runnable::run);
        }));
    }

    /** The disk keeps addresses to come back to, not who is up at the moment: a suspicion costs no write. */
    private static boolean changesDisk(NodeEffect.MemberChanged change) {
        return change.before() == null || change.now() == null || !change.before().endpoint().equals(change.now().endpoint());
    }

}
