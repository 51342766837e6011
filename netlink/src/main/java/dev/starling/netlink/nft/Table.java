package dev.starling.netlink.nft;

import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/** All chains and all named sets of a table, by name. */
public record Table(Family family, SortedMap<String, Chain> chains, SortedMap<String, NamedSet> sets) {
    /** Of IPv4. */
    public static Table of(Collection<Chain> chains) {
        return of(chains, List.of());
    }

    /** Of IPv4. */
    public static Table of(Collection<Chain> chains, Collection<NamedSet> sets) {
        return of(Family.IPV4, chains, sets);
    }

    public static Table empty(Family family) {
        return of(family, List.of(), List.of());
    }

    public boolean isEmpty() {
        return chains.isEmpty() && sets.isEmpty();
    }

    public static Table of(Family family, Collection<Chain> chains, Collection<NamedSet> sets) {
        TreeMap<String, Chain> chainsByName = new TreeMap<>();
        chains.forEach(chain -> chainsByName.put(chain.name(), chain));
        TreeMap<String, NamedSet> setsByName = new TreeMap<>();
        sets.forEach(set -> setsByName.put(set.name(), set));
        return new Table(family, Collections.unmodifiableSortedMap(chainsByName), Collections.unmodifiableSortedMap(setsByName));
    }
}
