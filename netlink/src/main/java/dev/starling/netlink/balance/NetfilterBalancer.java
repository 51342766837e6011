package dev.starling.netlink.balance;

import dev.starling.netlink.NetNs;
import dev.starling.netlink.Sysctl;
import dev.starling.netlink.nft.ConntrackFlows;
import dev.starling.netlink.nft.KernelTable;
import dev.starling.netlink.nft.NetfilterProbe;
import dev.starling.netlink.nft.Transport;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * Balancing by nf_tables: {@link HostTable} in the host's namespace, a {@link ContainerTable} in each container's. After a change the UDP flows
 * that would stay with a task that is gone are deleted. All tables are called {@value #TABLE}; no other is touched.
 */
public final class NetfilterBalancer implements Balancer {
    static final String TABLE = "starling";

    /** A container's table, which remembers what it was last given. */
    private record Inside(Path netns, NetNs namespace, KernelTable table) {}

    private final NetNs host;
    private final Sysctl sysctl;
    private final KernelTable hostTable;
    private final Map<String, Inside> containers = new TreeMap<>();

    public NetfilterBalancer(NetNs host) {
        this.host = host;
        this.sysctl = new Sysctl(host);
        this.hostTable = new KernelTable(host, TABLE);
    }

    @Override
    public List<String> missing() {
        return NetfilterProbe.missing(host);
    }

    @Override
    public synchronized void host(HostNetworks wanted) {
        wanted.ingress().ifPresent(ingress -> sysctl.set(Map.of("ipv4/conf/" + ingress.bridge() + "/route_localnet", "1")));
        if (hostTable.apply(HostTable.of(wanted))) {
            Map<Integer, SortedSet<String>> answering = new TreeMap<>();
            wanted.ports().stream().filter(port -> port.transport() == Transport.UDP).forEach(port -> answering.put(port.port(),
                port.backends().stream().map(Backend::address).collect(Collectors.toCollection(TreeSet::new))));
            if (!answering.isEmpty()) {
                ConntrackFlows.delete(host, flow -> flow.protocol() == Transport.UDP.number()
                    && answering.containsKey(flow.destinationPort()) && !answering.get(flow.destinationPort()).contains(flow.answeredBy()));
            }
        }
    }

    @Override
    public synchronized void container(String key, Path netns, SortedMap<String, SortedSet<String>> services) {
        Inside inside = containers.get(key);
        if (inside == null || !inside.netns().equals(netns)) {
            NetNs namespace = NetNs.at(netns);
            inside = new Inside(netns, namespace, new KernelTable(namespace, TABLE));
            containers.put(key, inside);
        }
        if (inside.table().apply(ContainerTable.of(services))) {
            ConntrackFlows.delete(inside.namespace(), flow -> flow.protocol() == Transport.UDP.number()
                && services.containsKey(flow.destination()) && !services.get(flow.destination()).contains(flow.answeredBy()));
        }
    }

    @Override
    public synchronized void forgetAllBut(SortedSet<String> keys) {
        containers.keySet().retainAll(keys);
    }

    @Override
    public synchronized void remove() {
        hostTable.remove();
    }
}
