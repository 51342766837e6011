package dev.starling.netlink.balance;

import dev.starling.netlink.NetNs;
import dev.starling.netlink.Sysctl;
import dev.starling.netlink.nft.ConntrackFlows.Flow;
import dev.starling.netlink.nft.KernelTable;
import dev.starling.netlink.nft.NetfilterProbe;
import dev.starling.netlink.nft.Transport;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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
    private record Inside(Path netns, KernelTable table, UdpFlows flows) {}

    private final NetNs host;
    private final Sysctl sysctl;
    private final KernelTable hostTable;
    private final UdpFlows hostFlows;
    private final ServiceRules.Memory hostRules = new ServiceRules.Memory();
    /** Of all containers: those in one network see the same services. */
    private final ServiceRules.Memory containerRules = new ServiceRules.Memory();
    private final Map<String, Inside> containers = new TreeMap<>();
    private Optional<String> missingForAffinity;

    public NetfilterBalancer(NetNs host) {
        this.host = host;
        this.sysctl = new Sysctl(host);
        this.hostTable = new KernelTable(host, TABLE);
        this.hostFlows = new UdpFlows(host, flow -> Integer.toString(flow.destinationPort()));
    }

    @Override
    public List<String> missing() {
        return NetfilterProbe.missing(host);
    }

    @Override
    public synchronized Optional<String> missingForAffinity() {
        if (missingForAffinity == null) {
            missingForAffinity = NetfilterProbe.missingForAffinity(host);
        }
        return missingForAffinity;
    }

    @Override
    public synchronized void host(HostNetworks wanted) {
        wanted.ingress().ifPresent(ingress -> sysctl.set(Map.of("ipv4/conf/" + ingress.bridge() + "/route_localnet", "1")));
        List<PublishedPort> ports = wanted.ports().stream()
            .map(port -> new PublishedPort(port.transport(), port.port(), port.backends(), possible(port.choice()))).toList();
        boolean changed = hostTable.apply(HostTable.of(new HostNetworks(wanted.networks(), wanted.ingress(), ports), hostRules));
        SortedMap<String, SortedSet<String>> answering = new TreeMap<>();
        ports.stream().filter(port -> port.transport() == Transport.UDP).forEach(port -> answering.put(Integer.toString(port.port()),
            port.backends().stream().map(Backend::address).collect(Collectors.toCollection(TreeSet::new))));
        hostFlows.keepTo(answering, changed);
    }

    @Override
    public synchronized void container(String key, Path netns, SortedMap<String, VirtualService> services) {
        Inside inside = containers.get(key);
        if (inside == null || !inside.netns().equals(netns)) {
            NetNs namespace = NetNs.at(netns);
            inside = new Inside(netns, new KernelTable(namespace, TABLE), new UdpFlows(namespace, Flow::destination));
            containers.put(key, inside);
        }
        SortedMap<String, VirtualService> wanted = new TreeMap<>();
        services.forEach((virtual, service) -> wanted.put(virtual, new VirtualService(service.tasks(), possible(service.choice()))));
        boolean changed = inside.table().apply(ContainerTable.of(wanted, containerRules));
        SortedMap<String, SortedSet<String>> answering = new TreeMap<>();
        services.forEach((virtual, service) -> answering.put(virtual, service.tasks()));
        inside.flows().keepTo(answering, changed);
    }

    private Choice possible(Choice choice) {
        return choice == Choice.BY_CLIENT && missingForAffinity().isPresent() ? Choice.RANDOM : choice;
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
