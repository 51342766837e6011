package dev.starling.netlink.balance;

import dev.starling.netlink.NetNs;
import dev.starling.netlink.Sysctl;
import dev.starling.netlink.nft.ConntrackFlows.Flow;
import dev.starling.netlink.nft.Family;
import dev.starling.netlink.nft.KernelTable;
import dev.starling.netlink.nft.NetfilterProbe;
import dev.starling.netlink.nft.Table;
import dev.starling.netlink.nft.Transport;
import java.nio.file.Path;
import java.util.EnumMap;
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

    /**
     * The kernel remembers a TCP connection that has ended for two minutes, and with 262,144 entries, its usual bound, drops packets of new ones from
     * 2,200 connections a second on. What may still come late, a FIN that is sent again, comes within seconds.
     */
    private static final String ENDED_SETTING = "netfilter/nf_conntrack_tcp_timeout_time_wait";
    private static final String KERNELS_ENDED_SECONDS = "120";
    private static final String OUR_ENDED_SECONDS = "10";

    /** A container's table, which remembers what it was last given. */
    private record Inside(Path netns, KernelTable table, Map<Family, UdpFlows> flows) {}

    private final NetNs host;
    private final Sysctl sysctl;
    private final KernelTable hostTable;
    private final Map<Family, UdpFlows> hostFlows = new EnumMap<>(Family.class);
    private final Map<Family, ServiceRules.Memory> hostRules = new EnumMap<>(Family.class);
    /** Of all containers: those in one network see the same services. */
    private final ServiceRules.Memory containerRules = new ServiceRules.Memory();
    private final Map<String, Inside> containers = new TreeMap<>();
    private Optional<String> missingForAffinity;
    private Optional<String> missingForIpv6;

    public NetfilterBalancer(NetNs host) {
        this.host = host;
        this.sysctl = new Sysctl(host);
        this.hostTable = new KernelTable(host, TABLE);
        for (Family family : Family.values()) {
            hostFlows.put(family, new UdpFlows(host, family, flow -> Integer.toString(flow.destinationPort())));
            hostRules.put(family, new ServiceRules.Memory());
        }
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
    public synchronized Optional<String> missingForIpv6() {
        if (missingForIpv6 == null) {
            missingForIpv6 = NetfilterProbe.missingForIpv6(host);
        }
        return missingForIpv6;
    }

    @Override
    public synchronized void host(HostNetworks ipv4, HostNetworks ipv6) {
        ipv4.ingress().ifPresent(ingress -> sysctl.set(Map.of("ipv4/conf/" + ingress.bridge() + "/route_localnet", "1")));
        boolean withIpv6 = !ipv6.networks().isEmpty() && missingForIpv6().isEmpty();
        boolean changed = hostTable.apply(table(Family.IPV4, ipv4), withIpv6 ? table(Family.IPV6, ipv6) : Table.empty(Family.IPV6));
        if (withIpv6) {
            sysctl.forwardIpv6(); // not before the rules that keep networks apart
        }
        ipv4.ingress().ifPresent(ingress -> forgetEndedSoon(sysctl));
        keepFlows(Family.IPV4, ipv4.ports(), changed);
        keepFlows(Family.IPV6, ipv6.ports(), changed);
    }

    private static void forgetEndedSoon(Sysctl sysctl) {
        sysctl.replaceDefault(ENDED_SETTING, KERNELS_ENDED_SECONDS, OUR_ENDED_SECONDS);
    }

    private Table table(Family family, HostNetworks wanted) {
        List<PublishedPort> ports = wanted.ports().stream()
            .map(port -> new PublishedPort(port.transport(), port.port(), port.backends(), port.spared(), possible(port.choice()))).toList();
        return HostTable.of(family, new HostNetworks(wanted.networks(), wanted.ingress(), ports), hostRules.get(family));
    }

    private void keepFlows(Family family, List<PublishedPort> ports, boolean changed) {
        SortedMap<String, SortedSet<String>> answering = new TreeMap<>();
        ports.stream().filter(port -> port.transport() == Transport.UDP).forEach(port -> {
            TreeSet<String> backends = port.backends().stream().map(Backend::address).collect(Collectors.toCollection(TreeSet::new));
            backends.addAll(port.spared());
            answering.put(Integer.toString(port.port()), backends);
        });
        hostFlows.get(family).keepTo(answering, changed);
    }

    @Override
    public synchronized void container(String key, Path netns, SortedMap<String, VirtualService> services) {
        Inside known = containers.get(key);
        Inside inside = known != null && known.netns().equals(netns) ? known : inside(netns);
        Map<Family, SortedMap<String, VirtualService>> wanted = byFamily(services);
        boolean changed = inside.table().apply(wanted.entrySet().stream()
            .map(family -> ContainerTable.of(family.getKey(), family.getValue(), containerRules)).toArray(Table[]::new));
        if (inside != known) {
            forgetEndedSoon(new Sysctl(NetNs.at(netns))); // not before the rules, which load the module that has the setting
            containers.put(key, inside);
        }
        for (Family family : Family.values()) {
            SortedMap<String, SortedSet<String>> answering = new TreeMap<>();
            wanted.get(family).forEach((virtual, service) -> {
                TreeSet<String> tasks = new TreeSet<>(service.tasks());
                tasks.addAll(service.spared());
                answering.put(virtual, tasks);
            });
            inside.flows().get(family).keepTo(answering, changed);
        }
    }

    private static Inside inside(Path netns) {
        NetNs namespace = NetNs.at(netns);
        Map<Family, UdpFlows> flows = new EnumMap<>(Family.class);
        for (Family family : Family.values()) {
            flows.put(family, new UdpFlows(namespace, family, Flow::destination));
        }
        return new Inside(netns, new KernelTable(namespace, TABLE), flows);
    }

    /** As this kernel can have them. */
    private Map<Family, SortedMap<String, VirtualService>> byFamily(SortedMap<String, VirtualService> services) {
        Map<Family, SortedMap<String, VirtualService>> byFamily = new EnumMap<>(Family.class);
        for (Family family : Family.values()) {
            byFamily.put(family, new TreeMap<>());
        }
        services.forEach((virtual, service) -> {
            Family family = Family.of(virtual);
            if (family == Family.IPV4 || missingForIpv6().isEmpty()) {
                byFamily.get(family).put(virtual, new VirtualService(service.tasks(), service.spared(), possible(service.choice())));
            }
        });
        return byFamily;
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
