package dev.starling.scheduler.filter;

import dev.starling.scheduler.model.HostPort;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.ServiceSpec;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Ports published in host mode without a number ({@code --publish mode=host,target=80}): the node that takes the task picks one for each, so several
 * tasks of the service may be on a node. Plans only count them, for which numbers another node picks nobody else can know.
 *
 * <p>Picked is the lowest free number of 28000 to 29999. That lies below the ports which hosts pick for their outgoing connections (32768 and up on Linux, where
 * Docker picks these too: there any connection may be in the way), and below those which managers pick for services that are published on every node (30000 to
 * 32767), of which a node may hear only after it has picked.
 *
 * <pre>
 * openPorts [tcp/80, tcp/80, udp/53]   held or taken: tcp/28000   ->   tcp/28001 -> 80, tcp/28002 -> 80, udp/28000 -> 53
 * </pre>
 */
public final class OpenPorts {
    public static final int FIRST = 28_000;
    public static final int LAST = 29_999;

    private static final int COUNT = LAST - FIRST + 1;

    /** @param range "tcp/28000-29999". @param free of it, beside what is to be picked for others */
    record Shortage(String range, int wanted, int free) {}

    private OpenPorts() {}

    /** Whether a node may pick the port ("tcp/28000"). */
    public static boolean mayPick(String hostPort) {
        int number = HostPort.of(hostPort).number();
        return number >= FIRST && number <= LAST;
    }

    /** "tcp/80" to "tcp", counted. */
    static SortedMap<String, Integer> byProtocol(List<String> ports) {
        SortedMap<String, Integer> counts = new TreeMap<>();
        ports.forEach(port -> counts.merge(HostPort.of(port).protocol(), 1, Integer::sum));
        return counts;
    }

    /** The first protocol of which the node has too few ports left for a task of the service; empty where it has enough. */
    static Optional<Shortage> shortOf(ServiceSpec service, NodeView node, NodeLoad load) {
        for (var wanted : byProtocol(service.openPorts()).entrySet()) {
            String protocol = wanted.getKey();
            int room = COUNT - load.portsToPick(protocol) - wanted.getValue();
            if (load.usedPorts() + node.obstacles().takenPorts().size() + service.hostPorts().size() > room) { // else it need not be looked at closely
                int free = room + wanted.getValue() - inUse(protocol, service, node, load);
                if (free < wanted.getValue()) {
                    return Optional.of(new Shortage(protocol + "/" + FIRST + "-" + LAST, wanted.getValue(), Math.max(0, free)));
                }
            }
        }
        return Optional.empty();
    }

    private static int inUse(String protocol, ServiceSpec service, NodeView node, NodeLoad load) {
        int used = 0;
        for (int number = FIRST; number <= LAST; number++) {
            String port = protocol + "/" + number;
            used += load.uses(port) || node.obstacles().takenPorts().contains(port) || service.hostPorts().contains(port) ? 1 : 0;
        }
        return used;
    }

    /**
     * A number of the node for each open port of the service: "tcp/28000" to the port of the container behind it. Empty where there are too few.
     *
     * @param avoided taken only where nothing else is left
     */
    public static Optional<SortedMap<String, Integer>> pick(ServiceSpec service, NodeView node, NodeLoad load, Set<String> avoided) {
        SortedMap<String, Integer> picked = new TreeMap<>();
        Set<String> used = new TreeSet<>(service.hostPorts());
        used.addAll(node.obstacles().takenPorts());
        for (String port : service.openPorts()) {
            HostPort target = HostPort.of(port);
            Optional<String> number = lowest(target.protocol(), load, used, avoided)
                    .or(() -> lowest(target.protocol(), load, used, Collections.emptySortedSet()));
            if (number.isEmpty()) {
                return Optional.empty();
            }
            picked.put(number.get(), target.number());
            used.add(number.get());
        }
        return Optional.of(Collections.unmodifiableSortedMap(picked));
    }

    private static Optional<String> lowest(String protocol, NodeLoad load, Set<String> used, Set<String> avoided) {
        for (int number = FIRST; number <= LAST; number++) {
            String port = protocol + "/" + number;
            if (!load.uses(port) && !used.contains(port) && !avoided.contains(port)) {
                return Optional.of(port);
            }
        }
        return Optional.empty();
    }
}
