package dev.starling.netlink.nft;

import java.util.Collection;
import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;

/** All chains of a table of family ip, by name. */
public record Table(SortedMap<String, Chain> chains) {
    public static final Table EMPTY = Table.of(java.util.List.of());

    public static Table of(Collection<Chain> chains) {
        TreeMap<String, Chain> byName = new TreeMap<>();
        chains.forEach(chain -> byName.put(chain.name(), chain));
        return new Table(Collections.unmodifiableSortedMap(byName));
    }
}
