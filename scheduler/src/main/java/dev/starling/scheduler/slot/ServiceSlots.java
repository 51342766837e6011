package dev.starling.scheduler.slot;

import dev.starling.gossip.NodeId;
import dev.starling.scheduler.model.CompletedWork;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import dev.starling.scheduler.model.View;
import dev.starling.scheduler.filter.Demand;
import dev.starling.scheduler.model.Rendezvous;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;

/**
 * The slots a service has now, as a function of the view.
 *
 * <p>A replicated service of n keeps the slots that are held or finished. Are they fewer than n, free ones are added: those that had a
 * task before (a dead node's, so that a takeover keeps the number), then the lowest unused numbers. Are they more, the fullest nodes
 * give up theirs: stack each node's slots, lowest number at the bottom, and keep the n lowest places, level by level. What others have
 * already given up lies above what is kept, so nodes that learn of it at different times still keep the same slots.
 *
 * <pre>
 *   scale 7 to 4      n1  n2  n3
 *                      6   7           given up
 *                      4   5           n1 or n2 by hash
 *                      1   2   3       kept
 * </pre>
 *
 * <p>A global service has a slot on each node that suits it. A job has a slot for each completion it wants, done or not; of those that
 * nobody has yet only as many are free as may run at a time, first those that were tried before.
 */
public final class ServiceSlots {
    private final ServiceSpec service;
    private final SortedMap<Slot, SlotState> wanted;
    private final boolean hasFree;
    private final boolean hasPending;
    private final CompletedWork completed;
    private final boolean overtaken;
    private final boolean documentBehind;

    private ServiceSlots(ServiceSpec service, SortedMap<Slot, SlotState> wanted, CompletedWork done, boolean overtaken, boolean documentBehind) {
        this.service = service;
        this.wanted = Collections.unmodifiableSortedMap(wanted);
        boolean free = false;
        boolean pending = false;
        for (SlotState state : wanted.values()) {
            free |= state.isFree();
            pending |= state.isPending();
        }
        this.hasFree = free;
        this.hasPending = pending;
        this.completed = service.isJob() ? completed(service, wanted, done) : null;
        this.overtaken = overtaken;
        this.documentBehind = documentBehind;
    }

    private static CompletedWork completed(ServiceSpec service, SortedMap<Slot, SlotState> wanted, CompletedWork done) {
        BitSet replicas = new BitSet();
        SortedSet<NodeId> nodes = new TreeSet<>();
        for (SlotState state : wanted.values()) {
            if (state.completed() && state.slot().isGlobal()) {
                nodes.add(state.slot().node());
            } else if (state.completed()) {
                replicas.set(state.slot().index());
            }
        }
        CompletedWork shown = new CompletedWork(service.uid(), service.iteration(), replicas, nodes);
        return done == null ? shown : shown.join(done);
    }

    /**
     * @param known states of slots that are as before; null for a slot whose state is to be worked out
     * @param kept  what the nodes' records keep of a job's work, by iteration
     */
    static ServiceSlots of(ServiceSpec service, SortedMap<Slot, List<Task>> tasks, View view, Function<Slot, SlotState> known,
            SortedMap<Long, CompletedWork> kept) {
        CompletedWork done = service.isJob() ? kept.get(service.iteration()) : null;
        boolean overtaken = service.isJob() && !kept.isEmpty() && kept.lastKey() > service.iteration();
        Function<Slot, SlotState> stateOf = slot -> {
            SlotState state = known.apply(slot);
            return state != null ? state : SlotState.of(slot, tasks.getOrDefault(slot, List.of()), service, view, done);
        };
        SortedMap<Slot, SlotState> wanted;
        if (service.mode() instanceof ServiceSpec.Mode.Replicated replicated) {
            wanted = replicated(service, replicated.replicas(), tasks.keySet(), stateOf);
        } else if (service.mode() instanceof ServiceSpec.Mode.ReplicatedJob job) {
            wanted = replicatedJob(service, job, stateOf);
        } else {
            wanted = perNode(service, stateOf, view);
        }
        boolean behind = tasks.values().stream().flatMap(List::stream).anyMatch(task -> task.serviceGeneration() > service.generation());
        return new ServiceSlots(service, wanted, done, overtaken, behind);
    }

    private static SortedMap<Slot, SlotState> replicatedJob(
            ServiceSpec service, ServiceSpec.Mode.ReplicatedJob job, Function<Slot, SlotState> stateOf) {
        SortedMap<Slot, SlotState> wanted = new TreeMap<>();
        int room = job.maxConcurrent() == 0 ? job.completions() : job.maxConcurrent();
        for (int index = 1; index <= job.completions(); index++) {
            SlotState state = stateOf.apply(Slot.replica(service.uid(), index));
            wanted.put(state.slot(), state);
            room -= state.holder() != null ? 1 : 0;
        }
        for (boolean tried : new boolean[] {true, false}) {
            for (Map.Entry<Slot, SlotState> entry : wanted.entrySet()) {
                if (entry.getValue().isFree() && tried == (entry.getValue().newest() != null) && --room < 0) {
                    entry.setValue(entry.getValue().withhold());
                }
            }
        }
        return wanted;
    }

    private static SortedMap<Slot, SlotState> replicated(ServiceSpec service, int replicas, Collection<Slot> withTasks,
            Function<Slot, SlotState> stateOf) {
        List<SlotState> taken = new ArrayList<>();
        List<SlotState> left = new ArrayList<>();
        for (Slot slot : withTasks) {
            if (!slot.isGlobal()) {
                SlotState state = stateOf.apply(slot);
                if (!state.isFree()) {
                    taken.add(state);
                } else if (state.tasks().stream().anyMatch(task -> task.desired() != TaskState.REMOVE)) {
                    left.add(state);
                }
            }
        }
        SortedMap<Slot, SlotState> wanted = new TreeMap<>();
        (taken.size() > replicas ? lowestPlaces(taken, replicas) : taken).forEach(state -> wanted.put(state.slot(), state));
        for (int i = 0; i < left.size() && wanted.size() < replicas; i++) {
            wanted.put(left.get(i).slot(), left.get(i));
        }
        for (int index = 1; wanted.size() < replicas; index++) {
            Slot slot = Slot.replica(service.uid(), index);
            if (!wanted.containsKey(slot)) {
                wanted.put(slot, stateOf.apply(slot));
            }
        }
        return wanted;
    }

    private record Place(SlotState state, int level, long tie) {}

    private static List<SlotState> lowestPlaces(List<SlotState> taken, int count) {
        SortedMap<NodeId, Integer> levels = new TreeMap<>();
        List<Place> places = new ArrayList<>();
        for (SlotState state : taken) {
            NodeId node = (state.holder() != null ? state.holder() : state.newest()).node();
            int level = levels.merge(node, 1, Integer::sum);
            places.add(new Place(state, level, Rendezvous.score(Rendezvous.hash(state.slot().serviceUid()), Rendezvous.hash(node.value()))));
        }
        places.sort(Comparator.comparingInt(Place::level).thenComparingLong(Place::tie).thenComparing(place -> place.state().slot()));
        return places.subList(0, count).stream().map(Place::state).toList();
    }

    private static SortedMap<Slot, SlotState> perNode(ServiceSpec service, Function<Slot, SlotState> stateOf, View view) {
        Demand demand = Demand.of(service, view);
        SortedMap<Slot, SlotState> wanted = new TreeMap<>();
        for (NodeView node : view.nodes().values()) {
            Slot slot = Slot.global(service.uid(), node.id());
            SlotState state = stateOf.apply(slot);
            if (!state.isFree() || demand.suits(node)) {
                wanted.put(slot, state);
            }
        }
        return wanted;
    }

    public ServiceSpec service() {
        return service;
    }

    /** In slot order; a slot that is not in it shall have no task. */
    public SortedMap<Slot, SlotState> wanted() {
        return wanted;
    }

    /** What is known to be done of a job; null for a service that is no job. */
    public CompletedWork completed() {
        return completed;
    }

    /**
     * Records keep work of a later iteration of the job than its document here says: that document is about to be replaced, or has prevailed
     * over the other one after a partition.
     */
    public boolean overtaken() {
        return overtaken;
    }

    /** Some task was made by a later document of the service than the one here, which is about to arrive: what is wanted is not known yet. */
    public boolean documentBehind() {
        return documentBehind;
    }

    public boolean hasFree() {
        return hasFree;
    }

    /** Some slot is claimed and does not run yet. */
    public boolean hasPending() {
        return hasPending;
    }
}
