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
import java.util.Comparator;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

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
    private final SlotStates wanted;
    private final boolean hasFree;
    private final boolean hasPending;
    private final boolean isFreeUntouched;
    private final boolean hasMoving;
    private final CompletedWork completed;
    private final boolean overtaken;
    private final boolean documentBehind;

    private ServiceSlots(ServiceSpec service, SlotStates wanted, CompletedWork completed, boolean overtaken, boolean documentBehind) {
        this.service = service;
        this.wanted = wanted;
        boolean free = false;
        boolean pending = false;
        boolean untouched = true;
        boolean moving = false;
        for (int place = 0; place < wanted.size(); place++) {
            boolean isFree = wanted.isFree(place);
            free |= isFree;
            untouched &= !isFree || wanted.isUntouched(place);
            pending |= !isFree && wanted.isPending(place);
            moving |= wanted.isMoving(place);
        }
        this.hasFree = free;
        this.hasPending = pending;
        this.isFreeUntouched = untouched;
        this.hasMoving = moving;
        this.completed = completed;
        this.overtaken = overtaken;
        this.documentBehind = documentBehind;
    }

    /** Also of slots that the job no longer wants: a node that has not heard of that does not do them again, nor does one that hears that they are wanted once more. */
    private static CompletedWork completed(ServiceSpec service, SlotTasks tasks, CompletedWork done) {
        BitSet replicas = new BitSet();
        SortedSet<NodeId> nodes = new TreeSet<>();
        for (int place = 0; place < tasks.size(); place++) {
            Slot slot = tasks.slot(place);
            if (tasks.tasks(place).stream().noneMatch(task -> task.isCompletedWork() && service.isCurrent(task))) {
                continue;
            }
            if (slot.isGlobal()) {
                nodes.add(slot.node());
            } else {
                replicas.set(slot.index());
            }
        }
        CompletedWork shown = new CompletedWork(service.uid(), service.iteration(), replicas, nodes);
        return done == null ? shown : shown.join(done);
    }

    /**
     * @param before of the same service, as it was in a view in which all nodes held what they hold now, but for the slots of {@code touched}; null for none.
     *               What its slots' tasks have not changed is taken from there
     * @param kept   what the nodes' records keep of a job's work, by iteration
     */
    static ServiceSlots of(ServiceSpec service, SlotTasks tasks, View view, ServiceSlots before, SortedSet<Slot> touched,
            SortedMap<Long, CompletedWork> kept) {
        CompletedWork done = service.isJob() ? kept.get(service.iteration()) : null;
        boolean overtaken = service.isJob() && !kept.isEmpty() && kept.lastKey() > service.iteration();
        States states = new States(service, tasks, view, done, before, touched);
        SlotStates wanted;
        if (service.mode() instanceof ServiceSpec.Mode.Replicated replicated) {
            wanted = replicated(service, replicated.replicas(), tasks, states);
        } else if (service.mode() instanceof ServiceSpec.Mode.ReplicatedJob job) {
            wanted = replicatedJob(service, job, states);
        } else {
            wanted = perNode(service, states, view);
        }
        CompletedWork completed = service.isJob() ? completed(service, tasks, done) : null;
        return new ServiceSlots(service, wanted, completed, overtaken, tasks.hasLaterThan(service.generation()));
    }

    /** The cells of {@link SlotStates}, worked out where they are not known from before. */
    private record States(ServiceSpec service, SlotTasks tasks, View view, CompletedWork done, ServiceSlots before, SortedSet<Slot> touched) {
        /** Of a slot that may have no tasks. */
        Object cell(Slot slot) {
            int place = tasks.place(slot);
            return place >= 0 ? cell(place) : SlotStates.cell(SlotState.of(slot, List.of(), service, view, done));
        }

        /** @param place in {@link #tasks} */
        Object cell(int place) {
            Object ofSlot = tasks.cell(place);
            Slot slot = tasks.slot(place);
            int known = before == null ? -1 : before.wanted.place(slot);
            if (known >= 0 && isOf(before.wanted.cell(known), ofSlot) && (touched.isEmpty() || !touched.contains(slot))) {
                return before.wanted.cell(known);
            }
            if (ofSlot instanceof Task only && !service.isJob() && SlotState.holds(only, view)) {
                return only;
            }
            return SlotStates.cell(SlotState.of(slot, tasks.tasks(place), service, view, done));
        }

        /** The state was worked out of the very tasks that are there now. */
        private static boolean isOf(Object state, Object tasks) {
            return state == tasks || state instanceof SlotState known && !known.withheld()
                    && (known.tasks() == tasks || known.tasks().size() == 1 && known.tasks().get(0) == tasks);
        }
    }

    private static SlotStates replicatedJob(ServiceSpec service, ServiceSpec.Mode.ReplicatedJob job, States states) {
        List<SlotState> wanted = new ArrayList<>();
        int room = job.maxConcurrent() == 0 ? job.completions() : job.maxConcurrent();
        for (int index = 1; index <= job.completions(); index++) {
            Slot slot = Slot.replica(service.uid(), index);
            SlotState state = SlotStates.state(slot, states.cell(slot));
            wanted.add(state);
            room -= state.holder() != null ? 1 : 0;
        }
        for (boolean tried : new boolean[] {true, false}) {
            for (int place = 0; place < wanted.size(); place++) {
                SlotState state = wanted.get(place);
                if (state.isFree() && tried == (state.newest() != null) && --room < 0) {
                    wanted.set(place, state.withhold());
                }
            }
        }
        SlotStates.Builder builder = new SlotStates.Builder(service.uid(), wanted.size());
        wanted.forEach(state -> builder.add(state.slot(), SlotStates.cell(state)));
        return builder.build();
    }

    private static SlotStates replicated(ServiceSpec service, int replicas, SlotTasks tasks, States states) {
        Object[] cells = new Object[tasks.size()];
        int taken = 0;
        int left = 0;
        for (int place = 0; place < cells.length; place++) {
            if (!tasks.slot(place).isGlobal()) {
                cells[place] = states.cell(place);
                if (!SlotStates.isFree(cells[place])) {
                    taken++;
                } else if (isLeft(cells[place])) {
                    left++;
                }
            }
        }
        if (taken > replicas) {
            return lowestPlaces(service, cells, replicas);
        }
        int ofLeft = Math.min(left, replicas - taken);
        int unused = replicas - taken - ofLeft;
        SlotStates.Builder wanted = new SlotStates.Builder(service.uid(), replicas);
        int number = 1; // the lowest that is not in use, below the slot that is looked at
        for (int place = 0; place < cells.length; place++) {
            Slot slot = tasks.slot(place);
            boolean isWanted = !slot.isGlobal() && (!SlotStates.isFree(cells[place]) || isLeft(cells[place]) && ofLeft-- > 0);
            if (!isWanted) {
                continue;
            }
            for (; unused > 0 && number < slot.index(); number++, unused--) {
                wanted.add(number, states.cell(Slot.replica(service.uid(), number)));
            }
            number = Math.max(number, slot.index() + 1);
            wanted.add(slot, cells[place]);
        }
        for (; unused > 0; number++, unused--) {
            wanted.add(number, states.cell(Slot.replica(service.uid(), number)));
        }
        return wanted.build();
    }

    /** Free, and somebody had it who was not told to remove every trace of it. */
    private static boolean isLeft(Object cell) {
        return cell instanceof SlotState state && state.tasks().stream().anyMatch(task -> task.desired() != TaskState.REMOVE);
    }

    private record Place(Slot slot, Object cell, int level, long tie) {}

    /** Of the {@code cells} that are not free, {@code count}. */
    private static SlotStates lowestPlaces(ServiceSpec service, Object[] cells, int count) {
        SortedMap<NodeId, Integer> levels = new TreeMap<>();
        List<Place> places = new ArrayList<>();
        for (Object cell : cells) {
            if (!SlotStates.isFree(cell)) {
                Task task = cell instanceof SlotState state ? state.holder() != null ? state.holder() : state.newest() : (Task) cell;
                int level = levels.merge(task.node(), 1, Integer::sum);
                places.add(new Place(task.slot(), cell, level, Rendezvous.score(Rendezvous.hash(service.uid()), Rendezvous.hash(task.node().value()))));
            }
        }
        places.sort(Comparator.comparingInt(Place::level).thenComparingLong(Place::tie).thenComparing(Place::slot));
        SlotStates.Builder kept = new SlotStates.Builder(service.uid(), count);
        places.subList(0, count).stream().sorted(Comparator.comparing(Place::slot)).forEach(place -> kept.add(place.slot(), place.cell()));
        return kept.build();
    }

    private static SlotStates perNode(ServiceSpec service, States states, View view) {
        Demand demand = Demand.of(service, view);
        SlotStates.Builder wanted = new SlotStates.Builder(service.uid(), view.nodes().size());
        for (NodeView node : view.nodes().values()) {
            Slot slot = Slot.global(service.uid(), node.id());
            Object cell = states.cell(slot);
            if (!SlotStates.isFree(cell) || demand.suits(node)) {
                wanted.add(slot, cell);
            }
        }
        return wanted.build();
    }

    public ServiceSpec service() {
        return service;
    }

    /** In slot order; a slot that is not in it shall have no task. */
    public SlotStates wanted() {
        return wanted;
    }

    /** Null for a slot that the service does not want, and for one of another service. */
    public SlotState wanted(Slot slot) {
        return slot.serviceUid().equals(service.uid()) ? wanted.state(slot) : null;
    }

    /** What is known to be done of a job, in slots that it no longer wants too; null for a service that is no job. */
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

    /** Nobody has ever claimed one of the slots that are free. */
    public boolean isFreeUntouched() {
        return isFreeUntouched;
    }

    /** A task is on its way to another node. */
    public boolean hasMoving() {
        return hasMoving;
    }
}
