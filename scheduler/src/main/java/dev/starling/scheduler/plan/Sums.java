package dev.starling.scheduler.plan;

import dev.starling.scheduler.model.Resources;
import dev.starling.scheduler.model.ServiceSpec;

/** By place: how many tasks there are, and what they reserve; or how much more than in another plan. */
final class Sums {
    private final int[] tasks;
    private final long[] nanoCpus;
    private final long[] memoryBytes;

    Sums(int places) {
        tasks = new int[places];
        nanoCpus = new long[places];
        memoryBytes = new long[places];
    }

    void add(int place, int count, Resources reserved) {
        tasks[place] += count;
        nanoCpus[place] += reserved.nanoCpus();
        memoryBytes[place] += reserved.memoryBytes();
    }

    /** So many tasks of {@code service}, which may be less than none. */
    void add(int place, ServiceSpec service, int count) {
        tasks[place] += count;
        nanoCpus[place] += count * service.reservations().nanoCpus();
        memoryBytes[place] += count * service.reservations().memoryBytes();
    }

    void subtract(int place, Sums other) {
        tasks[place] -= other.tasks[place];
        nanoCpus[place] -= other.nanoCpus[place];
        memoryBytes[place] -= other.memoryBytes[place];
    }

    void set(int place, Sums other) {
        tasks[place] = other.tasks[place];
        nanoCpus[place] = other.nanoCpus[place];
        memoryBytes[place] = other.memoryBytes[place];
    }

    boolean isNothing(int place) {
        return tasks[place] == 0 && nanoCpus[place] == 0 && memoryBytes[place] == 0;
    }

    int tasks(int place) {
        return tasks[place];
    }

    long nanoCpus(int place) {
        return nanoCpus[place];
    }

    long memoryBytes(int place) {
        return memoryBytes[place];
    }
}
