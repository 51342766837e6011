package dev.starling.chaos.sim;

import java.util.PriorityQueue;

/** What will happen, in the order of virtual time; what falls on one instant happens in the order in which it was put in. */
final class EventQueue {
    private record Event(long atMillis, long sequence, Runnable action) implements Comparable<Event> {
        @Override
        public int compareTo(Event other) {
            int byTime = Long.compare(atMillis, other.atMillis);
            return byTime != 0 ? byTime : Long.compare(sequence, other.sequence);
        }
    }

    private final PriorityQueue<Event> events = new PriorityQueue<>();
    private long now;
    private long sequence;
    private long processed;

    long now() {
        return now;
    }

    long processed() {
        return processed;
    }

    void at(long atMillis, Runnable action) {
        events.add(new Event(Math.max(now, atMillis), sequence++, action));
    }

    void after(long millis, Runnable action) {
        at(now + millis, action);
    }

    boolean isEmpty() {
        return events.isEmpty();
    }

    /** When the next event is due; Long.MAX_VALUE where there is none. */
    long next() {
        return events.isEmpty() ? Long.MAX_VALUE : events.peek().atMillis;
    }

    void step() {
        Event event = events.remove();
        now = event.atMillis;
        processed++;
        event.action.run();
    }

    void advancedTo(long millis) {
        now = Math.max(now, millis);
    }
}
