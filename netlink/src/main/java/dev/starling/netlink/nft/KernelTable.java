package dev.starling.netlink.nft;

import dev.starling.netlink.Errno;
import dev.starling.netlink.NetNs;
import dev.starling.netlink.NetlinkException;
import dev.starling.netlink.NetlinkSocket;
import dev.starling.netlink.Request;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * A table of ours in a network namespace's kernel, kept equal to what is wanted; where it is wanted for both families those are one transaction.
 * Whatever else is in the table goes; other tables are not touched. What the kernel had at a generation is remembered, so that a round in which
 * nobody changed any table costs one short question.
 */
public final class KernelTable {
    private static final int ATTEMPTS = 5;

    private final NetNs namespace;
    private final String name;
    /** What the kernel had at {@code knownGeneration}, as far as that is known. */
    private Map<Family, Table> known = Map.of();
    private int knownGeneration;

    public KernelTable(NetNs namespace, String name) {
        this.namespace = namespace;
        this.name = name;
    }

    /**
     * Makes the kernel's table equal to {@code wanted}, in one transaction.
     *
     * @param wanted for one or more families; tables of the others are not looked at
     * @return whether that took a change
     * @throws NetlinkException and all is as before
     */
    public synchronized boolean apply(Table... wanted) {
        try (NetlinkSocket socket = NetlinkSocket.netfilter(namespace)) {
            for (int attempt = 1; ; attempt++) {
                int generation = NfTables.generation(socket.get(NfTables.getGeneration()));
                try {
                    return apply(socket, generation, wanted);
                } catch (NetlinkException e) {
                    known = Map.of();
                    if (e.errno() != Errno.ERESTART || attempt == ATTEMPTS) {
                        throw e;
                    }
                }
            }
        }
    }

    private boolean apply(NetlinkSocket socket, int generation, Table... wanted) {
        Map<Family, Table> at = generation == knownGeneration ? known : Map.of();
        Map<Family, Table> after = new EnumMap<>(Family.class);
        List<Request> changes = new ArrayList<>();
        for (Table table : wanted) {
            Table have = at.get(table.family());
            changes.addAll(TableDiff.changes(name, have != null ? have : read(socket, table.family()), table));
            after.put(table.family(), table);
        }
        int reached = changes.isEmpty() ? generation : commit(socket, generation, changes);
        known = changes.isEmpty() || reached == generation + 1 ? after : Map.of(); // else another batch followed ours at once
        knownGeneration = reached;
        return !changes.isEmpty();
    }

    /** What the kernel has for IPv4. */
    public synchronized Table read() {
        return read(Family.IPV4);
    }

    public synchronized Table read(Family family) {
        try (NetlinkSocket socket = NetlinkSocket.netfilter(namespace)) {
            return read(socket, family);
        }
    }

    private Table read(NetlinkSocket socket, Family family) {
        return NfTables.read(socket, new TableName(family, name));
    }

    /** Removes the table; fine where there is none. */
    public synchronized void remove() {
        known = Map.of();
        try (NetlinkSocket socket = NetlinkSocket.netfilter(namespace)) {
            for (Family family : Family.values()) { // each by itself: a kernel without IPv6 refuses the one
                if (family == Family.IPV4 || !read(socket, family).isEmpty()) {
                    TableName table = new TableName(family, name); // made first, so that there is one to delete
                    commit(socket, NfTables.generation(socket.get(NfTables.getGeneration())), List.of(NfTables.addTable(table), NfTables.deleteTable(table)));
                }
            }
        }
    }

    private static int commit(NetlinkSocket socket, int generation, List<Request> changes) {
        List<Request> batch = new ArrayList<>();
        batch.add(NfTables.begin(generation));
        batch.addAll(changes);
        batch.add(NfTables.end());
        return NfTables.generation(socket.commit(batch, NfTables.getGeneration()));
    }
}
