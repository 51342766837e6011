package dev.starling.scheduler.model;

/** An amount of CPU (billionths of a core) and memory (bytes). */
public record Resources(long nanoCpus, long memoryBytes) {
    public static final Resources NONE = new Resources(0, 0);

    public Resources plus(Resources other) {
        return new Resources(nanoCpus + other.nanoCpus, memoryBytes + other.memoryBytes);
    }

    public Resources minus(Resources other) {
        return new Resources(nanoCpus - other.nanoCpus, memoryBytes - other.memoryBytes);
    }

    public boolean covers(Resources wanted) {
        return nanoCpus >= wanted.nanoCpus && memoryBytes >= wanted.memoryBytes;
    }
}
