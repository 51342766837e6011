package dev.starling.scheduler.slot;

import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import java.util.AbstractList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.RandomAccess;

/**
 * The states of one service's slots, in slot order. A node of a large cluster has a hundred thousand of them, in two or three generations, and walks over
 * them in every step. So the two states that nearly all slots are in take one reference and no object of their own:
 *
 * <pre>
 *   cell          state
 *   null          nobody has ever claimed the slot: its number follows from its place, or stands in {@code numbers}
 *   a Task        the slot's only task, which holds it
 *   a SlotState   any other
 * </pre>
 *
 * <p>{@link #get} makes a {@link SlotState} of the first two when it is asked; who looks at all slots asks {@link #holder} and its like, which make nothing.
 */
public final class SlotStates extends AbstractList<SlotState> implements RandomAccess {
    private final String serviceUid;
    private final Object[] cells;
    /** By place, meaningful where the cell is null; null where the slot at place i has the number i + 1. */
    private final int[] numbers;

    private SlotStates(String serviceUid, Object[] cells, int[] numbers) {
        this.serviceUid = serviceUid;
        this.cells = cells;
        this.numbers = numbers;
    }

    /** What {@code state} takes up: see {@link SlotStates}. */
    static Object cell(SlotState state) {
        List<Task> tasks = state.tasks();
        if (state.finished() || state.completed() || state.withheld() || tasks.size() > 1) {
            return state;
        }
        if (tasks.isEmpty()) {
            return state.slot().isGlobal() ? state : null; // a number can be told from the place, a node can not
        }
        return state.holder() == tasks.get(0) ? state.holder() : state;
    }

    static SlotState state(Slot slot, Object cell) {
        if (cell instanceof Task only) {
            return new SlotState(slot, List.of(only), only, only, false, false, false);
        }
        return cell == null ? SlotState.untouched(slot) : (SlotState) cell;
    }

    static boolean isFree(Object cell) {
        return cell == null || cell instanceof SlotState state && state.isFree();
    }

    @Override
    public int size() {
        return cells.length;
    }

    @Override
    public SlotState get(int place) {
        return state(slot(place), cells[place]);
    }

    public Slot slot(int place) {
        Object cell = cells[place];
        return cell == null ? Slot.replica(serviceUid, number(place)) : slotOf(cell);
    }

    /** Null where nobody holds the slot. */
    public Task holder(int place) {
        Object cell = cells[place];
        return cell instanceof Task only ? only : cell == null ? null : ((SlotState) cell).holder();
    }

    public boolean isFree(int place) {
        return isFree(cells[place]);
    }

    /** See {@link SlotState#isPending}. */
    public boolean isPending(int place) {
        Task holder = holder(place);
        return holder != null && holder.state() != TaskState.RUNNING;
    }

    public boolean isRunning(int place) {
        Task holder = holder(place);
        return holder != null && holder.state() == TaskState.RUNNING;
    }

    /** Nobody holds the slot, and nobody ever has. */
    public boolean isUntouched(int place) {
        Object cell = cells[place];
        return cell == null || cell instanceof SlotState state && state.isFree() && state.tasks().isEmpty();
    }

    /** A task of the slot is on its way to another node. */
    public boolean isMoving(int place) {
        Object cell = cells[place];
        return cell instanceof Task only ? isMoving(only) : cell != null && ((SlotState) cell).tasks().stream().anyMatch(SlotStates::isMoving);
    }

    private static boolean isMoving(Task task) {
        return task.movesTo() != null && task.isActive();
    }

    /** A plan counts both alike: held by the same node, running or not, or by none, free or not. */
    public boolean countsLike(int place, SlotStates other, int otherPlace) {
        Task here = holder(place);
        Task there = other.holder(otherPlace);
        return here == there && isFree(place) == other.isFree(otherPlace)
                || isRunning(place) == other.isRunning(otherPlace) && isFree(place) == other.isFree(otherPlace)
                && Objects.equals(here == null ? null : here.node(), there == null ? null : there.node());
    }

    /** The slot at {@code place} is the one at {@code otherPlace} of {@code other}, which is of the same service. */
    public boolean isSameSlot(int place, SlotStates other, int otherPlace) {
        return number(place) == other.number(otherPlace) && (number(place) > 0 || slot(place).equals(other.slot(otherPlace)));
    }

    /** Null where {@code slot}, which is one of this service, is not among them. */
    SlotState state(Slot slot) {
        int place = place(slot);
        return place < 0 ? null : get(place);
    }

    Object cell(int place) {
        return cells[place];
    }

    /** As {@link Arrays#binarySearch}; {@code slot} is one of this service. */
    int place(Slot slot) {
        int guess = slot.index() - 1;
        if (guess >= 0 && guess < cells.length && number(guess) == slot.index()) {
            return guess;
        }
        int low = 0;
        int high = cells.length - 1;
        while (low <= high) {
            int middle = low + high >>> 1;
            int order = compare(middle, slot);
            if (order == 0) {
                return middle;
            }
            low = order < 0 ? middle + 1 : low;
            high = order < 0 ? high : middle - 1;
        }
        return -low - 1;
    }

    private int compare(int place, Slot slot) {
        int byNumber = Integer.compare(number(place), slot.index());
        return byNumber != 0 || !slot.isGlobal() ? byNumber : slotOf(cells[place]).node().compareTo(slot.node());
    }

    /** 0 for a slot by node. */
    private int number(int place) {
        Object cell = cells[place];
        return cell != null ? slotOf(cell).index() : numbers == null ? place + 1 : numbers[place];
    }

    private static Slot slotOf(Object cell) {
        return cell instanceof Task task ? task.slot() : ((SlotState) cell).slot();
    }

    /** Takes cells in slot order. */
    static final class Builder {
        private final String serviceUid;
        private Object[] cells;
        private int[] numbers;
        private int size;

        Builder(String serviceUid, int expected) {
            this.serviceUid = serviceUid;
            this.cells = new Object[expected];
        }

        void add(Slot slot, Object cell) {
            add(slot.index(), cell);
        }

        /** @param number of the slot; 0 where it is by node, and then {@code cell} is not null */
        void add(int number, Object cell) {
            if (size == cells.length) {
                cells = Arrays.copyOf(cells, Math.max(8, 2 * size));
                numbers = numbers == null ? null : Arrays.copyOf(numbers, cells.length);
            }
            if (cell == null && number != size + 1 && numbers == null) {
                numbers = new int[cells.length];
                for (int place = 0; place < size; place++) {
                    numbers[place] = place + 1;
                }
            }
            if (numbers != null) {
                numbers[size] = number;
            }
            cells[size++] = cell;
        }

        int size() {
            return size;
        }

        SlotStates build() {
            boolean exact = size == cells.length;
            return new SlotStates(serviceUid, exact ? cells : Arrays.copyOf(cells, size),
                    numbers == null || exact ? numbers : Arrays.copyOf(numbers, size));
        }
    }
}
