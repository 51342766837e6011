package dev.starling.scheduler.model;

import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.LongBinaryOperator;

/**
 * What a node has besides CPU and memory, and a task may reserve, by kind: so many of them ({@code camera=2}) or each by its name
 * ({@code gpu=UUID1, gpu=UUID2}). Services ask for a number; the node that takes the task says which ones it gets.
 *
 * @param counts how many without a name; may be negative in a difference
 * @param named  kind -> names
 */
public record GenericResources(SortedMap<String, Long> counts, SortedMap<String, SortedSet<String>> named) {
    public static final GenericResources NONE = new GenericResources(Collections.emptySortedMap(), Collections.emptySortedMap());

    public static GenericResources of(SortedMap<String, Long> counts, SortedMap<String, SortedSet<String>> named) {
        return counts.isEmpty() && named.isEmpty() ? NONE
                : new GenericResources(Collections.unmodifiableSortedMap(counts), Collections.unmodifiableSortedMap(named));
    }

    public boolean isNone() {
        return counts.isEmpty() && named.isEmpty();
    }

    /** How many of a kind, with and without names. */
    public long count(String kind) {
        SortedSet<String> names = named.get(kind);
        return counts.getOrDefault(kind, 0L) + (names == null ? 0 : names.size());
    }

    public SortedSet<String> kinds() {
        SortedSet<String> kinds = new TreeSet<>(counts.keySet());
        kinds.addAll(named.keySet());
        return kinds;
    }

    /** Only amounts: of which names they are is forgotten, as where loads are added up. */
    public GenericResources plus(GenericResources other) {
        return combined(other, Long::sum);
    }

    public GenericResources minus(GenericResources other) {
        return combined(other, (mine, theirs) -> mine - theirs);
    }

    /** By how much this is more than {@code other}, kind by kind; never less than nothing. */
    public GenericResources beyond(GenericResources other) {
        return combined(other, (mine, theirs) -> Math.max(0, mine - theirs));
    }

    private GenericResources combined(GenericResources other, LongBinaryOperator operator) {
        if (isNone() && other.isNone()) {
            return NONE;
        }
        SortedSet<String> kinds = kinds();
        kinds.addAll(other.kinds());
        SortedMap<String, Long> amounts = new TreeMap<>();
        kinds.forEach(kind -> amounts.put(kind, operator.applyAsLong(count(kind), other.count(kind))));
        return of(amounts, Collections.emptySortedMap());
    }

    public boolean covers(GenericResources wanted) {
        return wanted.isNone() || shortOf(wanted).isEmpty();
    }

    /** The first kind of which there are fewer than {@code wanted}. */
    public Optional<String> shortOf(GenericResources wanted) {
        return wanted.kinds().stream().filter(kind -> count(kind) < wanted.count(kind)).findFirst();
    }

    /**
     * Of these, the ones that a task gets which wants so many: by name where there are names, those not in {@code taken} and first those
     * not in {@code lent}, in the order of their names.
     *
     * @param taken names that other tasks have
     * @param lent  names that are free only once the task before this one has ended
     * @return empty where there are too few names left
     */
    public Optional<GenericResources> assign(GenericResources wanted, List<GenericResources> taken, List<GenericResources> lent) {
        if (wanted.isNone()) {
            return Optional.of(NONE);
        }
        SortedMap<String, Long> amounts = new TreeMap<>();
        SortedMap<String, SortedSet<String>> names = new TreeMap<>();
        for (String kind : wanted.kinds()) {
            SortedSet<String> free = named.get(kind);
            if (free == null) {
                amounts.put(kind, wanted.count(kind));
                continue;
            }
            free = without(new TreeSet<>(free), kind, taken);
            SortedSet<String> own = without(new TreeSet<>(free), kind, lent);
            SortedSet<String> given = new TreeSet<>();
            own.stream().limit(wanted.count(kind)).forEach(given::add);
            for (String name : free) {
                if (given.size() < wanted.count(kind)) {
                    given.add(name);
                }
            }
            if (given.size() < wanted.count(kind)) {
                return Optional.empty();
            }
            names.put(kind, Collections.unmodifiableSortedSet(given));
        }
        return Optional.of(of(amounts, names));
    }

    private static SortedSet<String> without(SortedSet<String> names, String kind, List<GenericResources> others) {
        others.forEach(other -> names.removeAll(other.named.getOrDefault(kind, Collections.emptySortedSet())));
        return names;
    }
}
