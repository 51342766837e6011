package dev.starling.scheduler.model;

/** An amount of CPU (billionths of a core), memory (bytes) and of what else the node has by kind. */
public record Resources(long nanoCpus, long memoryBytes, GenericResources generic) {
    public static final Resources NONE = new Resources(0, 0);

    public Resources(long nanoCpus, long memoryBytes) {
        this(nanoCpus, memoryBytes, GenericResources.NONE);
    }

    public Resources plus(Resources other) {
        return new Resources(nanoCpus + other.nanoCpus, memoryBytes + other.memoryBytes, generic.plus(other.generic));
    }

    public Resources minus(Resources other) {
        return new Resources(nanoCpus - other.nanoCpus, memoryBytes - other.memoryBytes, generic.minus(other.generic));
    }

    /** By how much this is more than {@code other}, each amount by itself; never less than nothing. */
    public Resources beyond(Resources other) {
        return new Resources(Math.max(0, nanoCpus - other.nanoCpus), Math.max(0, memoryBytes - other.memoryBytes), generic.beyond(other.generic));
    }

    public boolean covers(Resources wanted) {
        return nanoCpus >= wanted.nanoCpus && memoryBytes >= wanted.memoryBytes && generic.covers(wanted.generic);
    }

    public Resources withGeneric(GenericResources other) {
        return new Resources(nanoCpus, memoryBytes, other);
    }
}
