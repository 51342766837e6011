package dev.starling.netlink.nft;

import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/** All chains and all named sets of a table of family ip, by name. */
public record Table(SortedMap<String, Chain> chains, SortedMap<String, NamedSet> sets) {
    public static final Table EMPTY = Table.of(List.of());

    public static Table of(Collection<Chain> chains) {
        return of(chains, List.of());
    }

    public static Table of(Collection<Chain> chains, Collection<NamedSet> sets) {
        TreeMap<String, Chain> chainsByName = new TreeMap<>();
        chains.forEach(chain -> chainsByName.put(chain.name(), chain));
        TreeMap<String, NamedSet> setsByName = new TreeMap<>();
        sets.forEach(set -> setsByName.put(set.name(), set));
        return new Table(Collections.unmodifiableSortedMap(chainsByName), Collections.unmodifiableSortedMap(setsByName));
    }
}
