package dev.starling.netlink.nft;

import dev.starling.netlink.Request;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * The least requests that turn one table into another; pure. A chain whose rules differ is flushed and filled anew, which in one batch is
 * atomic for packets: each one sees the old rules or the new. Chains that are right are not touched, least of all those at hooks, for the time
 * between the end of one and the start of another would be without it.
 */
final class TableDiff {
    static List<Request> changes(String name, Table have, Table wanted) {
        List<Chain> added = new ArrayList<>();
        List<Chain> changed = new ArrayList<>();
        List<Chain> removed = new ArrayList<>();
        have.chains().values().stream().filter(chain -> !stays(chain, wanted)).forEach(removed::add);
        for (Chain chain : wanted.chains().values()) {
            Chain before = have.chains().get(chain.name());
            if (before == null || !before.hook().equals(chain.hook())) {
                added.add(chain);
            } else if (!Objects.equals(before.rules(), chain.rules())) {
                changed.add(chain);
            }
        }
        List<Request> requests = new ArrayList<>();
        if (added.isEmpty() && changed.isEmpty() && removed.isEmpty()) {
            return requests;
        }
        requests.add(NfTables.addTable(name));
        // Rules first, since a chain that is jumped to can be neither deleted nor missing.
        changed.forEach(chain -> requests.add(NfTables.flushChain(name, chain.name())));
        removed.forEach(chain -> requests.add(NfTables.flushChain(name, chain.name())));
        List<Chain> replaced = removed.stream().filter(chain -> wanted.chains().containsKey(chain.name())).toList();
        replaced.forEach(chain -> requests.add(NfTables.deleteChain(name, chain.name())));
        added.forEach(chain -> requests.add(NfTables.addChain(name, chain)));
        List.of(added, changed).forEach(chains -> chains.forEach(chain ->
            chain.rules().forEach(rule -> requests.add(NfTables.addRule(name, chain.name(), rule)))));
        removed.stream().filter(chain -> !replaced.contains(chain)).forEach(chain -> requests.add(NfTables.deleteChain(name, chain.name())));
        return requests;
    }

    private static boolean stays(Chain chain, Table wanted) {
        Chain after = wanted.chains().get(chain.name());
        return after != null && after.hook().equals(chain.hook());
    }

    private TableDiff() {}
}
