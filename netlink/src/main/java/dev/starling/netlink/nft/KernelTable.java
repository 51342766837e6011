package dev.starling.netlink.nft;

import dev.starling.netlink.Errno;
import dev.starling.netlink.NetNs;
import dev.starling.netlink.NetlinkException;
import dev.starling.netlink.NetlinkSocket;
import dev.starling.netlink.Request;
import java.util.ArrayList;
import java.util.List;

/**
 * One table of ours in a network namespace's kernel, kept equal to what is wanted. Whatever else is in the table goes; other tables are not
 * touched. What the kernel had at a generation is remembered, so that a round in which nobody changed any table costs one short question.
 */
public final class KernelTable {
    private static final int ATTEMPTS = 5;

    private final NetNs namespace;
    private final String name;
    private Table known;
    private int knownGeneration;

    public KernelTable(NetNs namespace, String name) {
        this.namespace = namespace;
        this.name = name;
    }

    /**
     * Makes the kernel's table equal to {@code wanted}, in one transaction.
     *
     * @return whether that took a change
     * @throws NetlinkException and all is as before
     */
    public synchronized boolean apply(Table wanted) {
        try (NetlinkSocket socket = NetlinkSocket.netfilter(namespace)) {
            for (int attempt = 1; ; attempt++) {
                int generation = NfTables.generation(socket.get(NfTables.getGeneration()));
                Table have = known != null && generation == knownGeneration ? known : NfTables.read(socket, name);
                try {
                    return apply(socket, generation, have, wanted);
                } catch (NetlinkException e) {
                    known = null;
                    if (e.errno() != Errno.ERESTART || attempt == ATTEMPTS) {
                        throw e;
                    }
                }
            }
        }
    }

    private boolean apply(NetlinkSocket socket, int generation, Table have, Table wanted) {
        List<Request> changes = TableDiff.changes(name, have, wanted);
        if (!changes.isEmpty()) {
            int after = commit(socket, generation, changes);
            known = after == generation + 1 ? wanted : null; // else another batch followed ours at once
            knownGeneration = after;
        } else {
            known = wanted;
            knownGeneration = generation;
        }
        return !changes.isEmpty();
    }

    /** What the kernel has. */
    public synchronized Table read() {
        try (NetlinkSocket socket = NetlinkSocket.netfilter(namespace)) {
            return NfTables.read(socket, name);
        }
    }

    /** Removes the table; fine where there is none. */
    public synchronized void remove() {
        known = null;
        try (NetlinkSocket socket = NetlinkSocket.netfilter(namespace)) {
            // made first, so that there is one to delete
            commit(socket, NfTables.generation(socket.get(NfTables.getGeneration())), List.of(NfTables.addTable(name), NfTables.deleteTable(name)));
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
