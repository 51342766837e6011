package dev.starling.netlink.balance;

import dev.starling.netlink.NetNs;
import dev.starling.netlink.nft.ConntrackFlows;
import dev.starling.netlink.nft.ConntrackFlows.Flow;
import dev.starling.netlink.nft.Family;
import dev.starling.netlink.nft.Transport;
import java.util.Collections;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * The UDP flows of a namespace's services. A flow has no end, so the kernel leaves it with a task that is gone until its entry is deleted. Entries
 * are read only where a task has gone: among them are the connections of the whole machine, ended ones for two minutes more.
 */
final class UdpFlows {
    private final NetNs namespace;
    private final Family family;
    private final Function<Flow, String> service;
    /** What each service's flows were last allowed to lead to; null where that is not known, after a start. */
    private SortedMap<String, SortedSet<String>> last;

    /** @param service the key of the service that a flow belongs to, if it belongs to one */
    UdpFlows(NetNs namespace, Family family, Function<Flow, String> service) {
        this.namespace = namespace;
        this.family = family;
        this.service = service;
    }

    /**
     * Deletes flows that lead elsewhere than to {@code answering}.
     *
     * @param changed whether the rules are others than before: after a start that is all there is to tell by
     */
    void keepTo(SortedMap<String, SortedSet<String>> answering, boolean changed) {
        if (last == null) {
            if (changed && !answering.isEmpty()) {
                delete(flow -> answering.containsKey(service.apply(flow)) && !answering.get(service.apply(flow)).contains(flow.answeredBy()));
            }
        } else {
            SortedMap<String, SortedSet<String>> gone = gone(answering);
            if (!gone.isEmpty()) {
                delete(flow -> gone.getOrDefault(service.apply(flow), Collections.emptySortedSet()).contains(flow.answeredBy()));
            }
        }
        last = answering;
    }

    private SortedMap<String, SortedSet<String>> gone(SortedMap<String, SortedSet<String>> answering) {
        TreeMap<String, SortedSet<String>> gone = new TreeMap<>();
        last.forEach((key, before) -> {
            SortedSet<String> now = answering.getOrDefault(key, Collections.emptySortedSet());
            if (!now.equals(before)) {
                TreeSet<String> lost = new TreeSet<>(before);
                lost.removeAll(now);
                if (!lost.isEmpty()) {
                    gone.put(key, lost);
                }
            }
        });
        return gone;
    }

    private void delete(Predicate<Flow> which) {
        ConntrackFlows.delete(namespace, family, flow -> flow.protocol() == Transport.UDP.number() && which.test(flow));
    }
}
