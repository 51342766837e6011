package dev.starling.netlink.overlay;

import dev.starling.netlink.Request;
import dev.starling.netlink.route.Fdb;
import dev.starling.netlink.route.FdbEntry;
import dev.starling.netlink.route.Neighbor;
import dev.starling.netlink.route.Neighbors;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * What the kernel must know of endpoints on other hosts, and the difference to what it knows. Pure.
 *
 * <p>A remote endpoint needs three entries: in the VXLAN device's table MAC -> VTEP, in the bridge's table MAC -> VXLAN device, and on the
 * bridge a neighbour address -> MAC, from which the bridge answers ARP itself ({@code neigh_suppress} needs the last two). In a network with IPv6
 * there is a second neighbour, from which it answers neighbour solicitations.
 *
 * @param vteps     IPv4 address to VTEP
 * @param neighbors address, of either family, to MAC
 */
record RemoteTable(SortedMap<String, String> vteps, SortedMap<String, String> neighbors) {
    /**
     * Leaves out what is on this host: a container's leg here outranks a record that says the address is elsewhere, and a remote endpoint behind this
     * host's own VTEP would be a loop. Of two VTEPs for one address every host takes the smaller.
     */
    static RemoteTable of(OverlayNetwork network, Collection<RemoteEndpoint> remotes, Set<String> localMacs, String ownVtep) {
        SortedMap<String, String> vteps = new TreeMap<>();
        for (RemoteEndpoint remote : new TreeSet<>(remotes)) {
            if (!remote.vtep().equals(ownVtep) && !localMacs.contains(MacAddress.of(remote.address()))) {
                vteps.putIfAbsent(remote.address(), remote.vtep());
            }
        }
        SortedMap<String, String> neighbors = new TreeMap<>();
        vteps.keySet().forEach(address -> {
            neighbors.put(address, MacAddress.of(address));
            network.ipv6(address).ifPresent(ipv6 -> neighbors.put(ipv6, MacAddress.of(address)));
        });
        return new RemoteTable(vteps, neighbors);
    }

    /** Requests that make the kernel's tables equal to this one. Entries that we did not make (learned, local) are left alone. */
    List<Request> changes(int vxlan, int underlay, int bridge, List<FdbEntry> fdb, List<Neighbor> found) {
        Map<String, String> toHosts = new TreeMap<>(); // the kernel keeps one destination for a unicast MAC
        fdb.stream().filter(entry -> entry.device() == vxlan && !entry.ofBridge()).forEach(entry -> toHosts.put(entry.mac(), entry.destination()));
        Set<String> toTunnel = fdb.stream().filter(entry -> entry.device() == vxlan && entry.ofBridge() && entry.external())
            .map(FdbEntry::mac).collect(Collectors.toCollection(TreeSet::new));
        Map<String, String> known = new TreeMap<>();
        found.stream().filter(Neighbor::permanent).forEach(neighbor -> known.put(neighbor.address(), neighbor.mac()));

        List<Request> requests = new ArrayList<>();
        Set<String> wanted = new HashSet<>();
        vteps.forEach((address, vtep) -> wanted.add(MacAddress.of(address)));
        toHosts.keySet().stream().filter(mac -> !wanted.contains(mac)).forEach(mac -> requests.add(Fdb.deleteSelf(vxlan, mac)));
        toTunnel.stream().filter(mac -> !wanted.contains(mac)).forEach(mac -> requests.add(Fdb.deleteMaster(vxlan, mac)));
        known.keySet().stream().filter(address -> !neighbors.containsKey(address)).forEach(address -> requests.add(Neighbors.delete(bridge, address)));

        vteps.forEach((address, vtep) -> {
            String mac = MacAddress.of(address);
            if (!vtep.equals(toHosts.get(mac)) || !toTunnel.contains(mac)) {
                requests.add(TunnelAlias.isOne(vtep) ? Fdb.replaceRemote(vxlan, mac, vtep, underlay) : Fdb.replaceRemote(vxlan, mac, vtep));
            }
        });
        neighbors.forEach((address, mac) -> {
            if (!mac.equals(known.get(address))) {
                requests.add(Neighbors.replace(bridge, address, mac));
            }
        });
        return requests;
    }
}
