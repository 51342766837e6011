package dev.starling.scheduler.plan;

import dev.starling.scheduler.slot.SlotStates;
import java.util.Arrays;
import java.util.function.Consumer;

/**
 * What a plan says of each of a service's free slots, in slot order. A hundred thousand of them are there at once while a large cluster places its first
 * services, so they are arrays, and a {@link Choice} is made where one is looked at.
 */
final class Choices {
    static final Choices NONE = new Choices(new int[0], new byte[0], new short[0]);
    /** No node takes the slot. */
    static final int NOBODY = -1;

    /** Of the node that comes first, or {@link #NOBODY}. */
    private final int[] places;
    /** See {@link Choice#position}. */
    private final byte[] positions;
    private final short[] prices;

    private Choices(int[] places, byte[] positions, short[] prices) {
        this.places = places;
        this.positions = positions;
        this.prices = prices;
    }

    int size() {
        return places.length;
    }

    boolean isEmpty() {
        return places.length == 0;
    }

    /** The place of the node that comes first for the free slot of this number, or {@link #NOBODY}. */
    int first(int number) {
        return places[number];
    }

    boolean placesNothing() {
        return Arrays.stream(places).allMatch(place -> place == NOBODY);
    }

    /** How many slots of one node there are at most. */
    int most() {
        int[] sorted = places.clone();
        Arrays.sort(sorted);
        int most = 0;
        int run = 0;
        for (int i = 0; i < sorted.length; i++) {
            run = i > 0 && sorted[i] == sorted[i - 1] ? run + 1 : 1;
            most = sorted[i] == NOBODY ? most : Math.max(most, run);
        }
        return most;
    }

    /**
     * Those that may have the observer do something: it has a turn that may come, or no node takes the slot.
     *
     * @param all    the others too
     * @param states of the service; its free slots are those that this says something of
     */
    void forEach(SlotStates states, Roster roster, boolean all, Consumer<Choice> action) {
        int number = 0;
        for (int slot = 0; number < places.length; slot++) {
            if (!states.isFree(slot)) {
                continue;
            }
            int first = places[number];
            int position = positions[number];
            if (all || first == NOBODY || position >= 0 && position < Choice.FAR) {
                action.accept(new Choice(states.slot(slot), first == NOBODY ? null : roster.node(first).id(), position, prices[number]));
            }
            number++;
        }
    }

    static final class Builder {
        private final int[] places;
        private final byte[] positions;
        private final short[] prices;
        private int size;

        Builder(int most) {
            places = new int[most];
            positions = new byte[most];
            prices = new short[most];
        }

        void add(int place, int position, int price) {
            places[size] = place;
            positions[size] = (byte) position; // at most FAR
            prices[size++] = (short) price;    // at most 1000
        }

        void add(Choices choices, int number) {
            add(choices.places[number], choices.positions[number], choices.prices[number]);
        }

        Choices build() {
            return size == 0 ? NONE : new Choices(Arrays.copyOf(places, size), Arrays.copyOf(positions, size), Arrays.copyOf(prices, size));
        }
    }
}
