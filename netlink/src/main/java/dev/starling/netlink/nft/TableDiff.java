package dev.starling.netlink.nft;

import dev.starling.netlink.Request;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * The least requests that turn one table into another; pure. A chain whose rules differ is flushed and filled anew, which in one batch is
 * atomic for packets: each one sees the old rules or the new. Of a set the elements that differ are taken out and put in. Chains and sets that are
 * right are not touched, least of all chains at hooks, for the time between the end of one and the start of another would be without it.
 *
 * <p>The order is the kernel's: nothing that is still referred to can be deleted, nothing that is not there yet can be referred to.
 */
final class TableDiff {
    private final TableName name;
    private final Table have;
    private final Table wanted;
    private final List<Chain> added = new ArrayList<>();
    private final List<Chain> changed = new ArrayList<>();
    private final List<Chain> removed = new ArrayList<>();
    private final List<Request> requests = new ArrayList<>();

    private TableDiff(TableName name, Table have, Table wanted) {
        this.name = name;
        this.have = have;
        this.wanted = wanted;
    }

    static List<Request> changes(String name, Table have, Table wanted) {
        TableDiff diff = new TableDiff(new TableName(wanted.family(), name), have, wanted);
        diff.compareChains();
        diff.write();
        if (!diff.requests.isEmpty()) {
            diff.requests.add(0, NfTables.addTable(diff.name));
        }
        return diff.requests;
    }

    private void compareChains() {
        have.chains().values().stream().filter(chain -> !stays(chain)).forEach(removed::add);
        for (Chain chain : wanted.chains().values()) {
            Chain before = have.chains().get(chain.name());
            if (before == null || !before.hook().equals(chain.hook())) {
                added.add(chain);
            } else if (!Objects.equals(before.rules(), chain.rules())) {
                changed.add(chain);
            }
        }
    }

    private boolean stays(Chain chain) {
        Chain after = wanted.chains().get(chain.name());
        return after != null && after.hook().equals(chain.hook());
    }

    private boolean stays(NamedSet set) {
        NamedSet after = wanted.sets().get(set.name());
        return after != null && after.type().equals(set.type());
    }

    private void write() {
        changed.forEach(chain -> requests.add(NfTables.flushChain(name, chain.name())));
        removed.forEach(chain -> requests.add(NfTables.flushChain(name, chain.name())));
        have.sets().values().stream().filter(this::stays).forEach(set ->
            requests.addAll(NfSets.deleteElements(name, set.name(), without(set, wanted.sets().get(set.name())))));
        have.sets().values().stream().filter(set -> !stays(set)).forEach(set -> requests.add(NfSets.delete(name, set.name())));
        List<Chain> replaced = removed.stream().filter(chain -> wanted.chains().containsKey(chain.name())).toList();
        replaced.forEach(chain -> requests.add(NfTables.deleteChain(name, chain.name())));
        added.forEach(chain -> requests.add(NfTables.addChain(name, chain)));
        int id = 0;
        for (NamedSet set : wanted.sets().values()) {
            NamedSet before = have.sets().get(set.name());
            boolean isNew = before == null || !stays(before);
            if (isNew) {
                requests.add(NfSets.add(name, set, ++id));
            }
            requests.addAll(NfSets.addElements(name, set.name(), isNew ? List.copyOf(set.elements()) : without(set, before)));
        }
        List.of(added, changed).forEach(chains -> chains.forEach(chain ->
            chain.rules().forEach(rule -> requests.add(NfTables.addRule(name, chain.name(), rule)))));
        removed.stream().filter(chain -> !replaced.contains(chain)).forEach(chain -> requests.add(NfTables.deleteChain(name, chain.name())));
    }

    private static List<NamedSet.Element> without(NamedSet set, NamedSet other) {
        if (set == other || set.elements().equals(other.elements())) {
            return List.of();
        }
        return set.elements().stream().filter(element -> !other.elements().contains(element)).toList();
    }
}
