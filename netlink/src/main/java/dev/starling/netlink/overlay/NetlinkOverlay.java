package dev.starling.netlink.overlay;

import dev.starling.netlink.AddressText;
import dev.starling.netlink.Errno;
import dev.starling.netlink.NetNs;
import dev.starling.netlink.NetlinkException;
import dev.starling.netlink.NetlinkSocket;
import dev.starling.netlink.Request;
import dev.starling.netlink.Sysctl;
import dev.starling.netlink.route.Address;
import dev.starling.netlink.route.Addresses;
import dev.starling.netlink.route.BridgePort;
import dev.starling.netlink.route.Fdb;
import dev.starling.netlink.route.FdbEntry;
import dev.starling.netlink.route.Link;
import dev.starling.netlink.route.LinkKind;
import dev.starling.netlink.route.Links;
import dev.starling.netlink.route.Neighbor;
import dev.starling.netlink.route.Neighbors;
import dev.starling.netlink.xfrm.VxlanEncryption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * Overlay networks on Linux: for each one bridge and one VXLAN device, and nothing flooded.
 *
 * <pre>
 *   container            container
 *     eth0                 eth0            02:42 + address, address/prefix, default via gateway
 *      |                    |
 *    sv-...               sv-...           legs, named by hash; MAC pinned to the port
 *      +------ sb-KEY ------+              bridge: gateway address and MAC, the same on every node
 *                 |
 *              sx-KEY                      VXLAN: learning off, flood off, neigh_suppress on
 *                 |
 *          underlay device, UDP 4789; of an encrypted network UDP 7947, in ESP
 * </pre>
 *
 * The bridge's MAC is set when it is made: one that changes later makes the kernel forget the neighbours. Containers ask ARP for the
 * gateway and for remote addresses alike; the bridge answers both, so no broadcast leaves the host.
 *
 * <p>No state is kept here. Every call compares with the kernel, so it also mends what a crash or another program left behind.
 */
public final class NetlinkOverlay implements Overlay {
    public static final int VXLAN_PORT = 4789;

    private final NetlinkSocket socket;
    private final Sysctl sysctl;
    private final Optional<String> underlayDevice;

    /** In this process's network namespace; VXLAN leaves by the device that has the VTEP's address. */
    public NetlinkOverlay() {
        this(NetNs.current(), Optional.empty());
    }

    /** @param underlayDevice by which VXLAN leaves, or empty for the one that has the VTEP's address */
    public NetlinkOverlay(NetNs host, Optional<String> underlayDevice) {
        this.socket = NetlinkSocket.openIn(host);
        this.sysctl = new Sysctl(host);
        this.underlayDevice = underlayDevice;
    }

    @Override
    public boolean hasIpv6() {
        return Files.exists(Path.of("/proc/sys/net/ipv6"));
    }

    @Override
    public synchronized void ensure(OverlayNetwork network, String vtep) {
        if (network.hasIpv6() && !hasIpv6()) {
            throw new NetlinkException("ensure " + network.uid(), Errno.EAFNOSUPPORT, "the network has IPv6 and this kernel none (module ipv6)");
        }
        DeviceNames names = DeviceNames.of(network.uid());
        LinkKind.Vxlan tunnel = new LinkKind.Vxlan(network.vni(), vtep, underlay(vtep), network.encrypted() ? VxlanEncryption.PORT : VXLAN_PORT,
            !network.encrypted()); // ESP says more than a checksum, and NAT would make the checksum wrong
        Link bridge = bridge(names, network);
        Link vxlan = vxlan(names, network, tunnel, bridge);
        setKernelSwitches(names, network);
        List<Request> changes = new ArrayList<>();
        if (!vxlan.port().equals(Optional.of(BridgePort.silentTunnel()))) {
            changes.add(Links.port(vxlan.name(), BridgePort.silentTunnel()));
        }
        changes.addAll(gatewayChanges(network, bridge));
        List.of(bridge, vxlan).forEach(link -> {
            if (link.mtu() != network.mtu()) {
                changes.add(Links.mtu(link.name(), network.mtu()));
            }
            if (!link.up()) {
                changes.add(Links.up(link.name()));
            }
        });
        socket.executeAll(changes);
    }

    @Override
    public synchronized void attach(OverlayNetwork network, LocalEndpoint endpoint, Path netns) {
        DeviceNames names = DeviceNames.of(network.uid());
        String operation = "attach " + endpoint.id();
        new ContainerLeg(socket, sysctl, require(operation, names.bridge()), require(operation, names.vxlan()), names.leg(endpoint.id()), network)
            .attach(endpoint, NetNs.at(netns));
    }

    @Override
    public void loopbackUp(Path netns) {
        try (NetlinkSocket inside = NetlinkSocket.openIn(netns)) {
            inside.execute(Links.up("lo"));
        }
    }

    @Override
    public synchronized void detach(OverlayNetwork network, String endpointId) {
        Links.find(socket, DeviceNames.of(network.uid()).leg(endpointId)).filter(link -> link.kind() instanceof LinkKind.Veth)
            .ifPresent(link -> socket.execute(Links.delete(link)));
    }

    @Override
    public synchronized void sync(OverlayNetwork network, Collection<RemoteEndpoint> remotes) {
        DeviceNames names = DeviceNames.of(network.uid());
        Link bridge = require("sync " + network.uid(), names.bridge());
        Link vxlan = require("sync " + network.uid(), names.vxlan());
        List<FdbEntry> fdb = Fdb.list(socket, bridge.index());
        Set<String> localMacs = fdb.stream()
            .filter(entry -> entry.ofBridge() && entry.pinned() && entry.device() != vxlan.index())
            .map(FdbEntry::mac).collect(Collectors.toSet());
        if (!(vxlan.kind() instanceof LinkKind.Vxlan tunnel)) {
            throw notOurs(names.vxlan(), vxlan, "VXLAN device");
        }
        List<Neighbor> neighbors = new ArrayList<>(Neighbors.list(socket, bridge.index()));
        if (network.hasIpv6()) {
            neighbors.addAll(Neighbors.listIpv6(socket, bridge.index()));
        }
        socket.executeAll(RemoteTable.of(network, remotes, localMacs, tunnel.local())
            .changes(vxlan.index(), tunnel.device(), bridge.index(), fdb, neighbors));
    }

    @Override
    public synchronized void remove(String networkUid) {
        DeviceNames names = DeviceNames.of(networkUid);
        List<Link> links = Links.list(socket);
        List<Link> doomed = new ArrayList<>();
        links.stream().filter(link -> link.name().equals(names.vxlan()) && link.kind() instanceof LinkKind.Vxlan).forEach(doomed::add);
        links.stream().filter(link -> link.name().equals(names.bridge()) && link.kind() instanceof LinkKind.Bridge).forEach(bridge -> {
            links.stream().filter(link -> link.master() == bridge.index() && DeviceNames.isLeg(link.name())).forEach(doomed::add);
            doomed.add(bridge);
        });
        socket.executeAll(doomed.stream().map(Links::delete).toList());
    }

    @Override
    public synchronized SortedSet<String> present() {
        return Links.list(socket).stream()
            .filter(link -> link.kind() instanceof LinkKind.Bridge || link.kind() instanceof LinkKind.Vxlan)
            .flatMap(link -> DeviceNames.ofDevice(link.name()).stream())
            .map(DeviceNames::key).collect(Collectors.toCollection(TreeSet::new));
    }

    @Override
    public String bridge(String networkUid) {
        return DeviceNames.of(networkUid).bridge();
    }

    @Override
    public String deviceKey(String networkUid) {
        return DeviceNames.of(networkUid).key();
    }

    @Override
    public void close() {
        socket.close();
    }

    private Link bridge(DeviceNames names, OverlayNetwork network) {
        String mac = MacAddress.of(network.gateway());
        Optional<Link> found = Links.find(socket, names.bridge());
        if (found.isEmpty()) {
            socket.executeAll(List.of(Links.addBridge(names.bridge(), mac, network.mtu()), Links.mtu(names.bridge(), network.mtu())));
        } else if (!(found.get().kind() instanceof LinkKind.Bridge)) {
            throw notOurs(names.bridge(), found.get(), "bridge");
        } else if (!found.get().mac().equals(mac)) {
            socket.execute(Links.mac(names.bridge(), mac));
        }
        return require("ensure " + network.uid(), names.bridge());
    }

    /** What a VXLAN device tunnels and where to is fixed when it is made, so one that differs is made anew; sync fills its tables again. */
    private Link vxlan(DeviceNames names, OverlayNetwork network, LinkKind.Vxlan tunnel, Link bridge) {
        Optional<Link> found = Links.find(socket, names.vxlan());
        if (found.isPresent() && !(found.get().kind() instanceof LinkKind.Vxlan)) {
            throw notOurs(names.vxlan(), found.get(), "VXLAN device");
        }
        if (found.isPresent() && !found.get().kind().equals(tunnel)) {
            socket.execute(Links.delete(found.get()));
            found = Optional.empty();
        }
        if (found.isEmpty()) {
            socket.execute(Links.addVxlan(names.vxlan(), tunnel, network.mtu(), bridge.index()));
        } else if (found.get().master() != bridge.index()) {
            socket.execute(Links.master(names.vxlan(), bridge.index()));
        }
        return require("ensure " + network.uid(), names.vxlan());
    }

    private List<Request> gatewayChanges(OverlayNetwork network, Link bridge) {
        String gateway = network.gateway() + network.subnet().substring(network.subnet().indexOf('/'));
        List<Address> wanted = new ArrayList<>(List.of(new Address(bridge.index(), gateway)));
        List<Address> found = new ArrayList<>(Addresses.list(socket));
        if (network.hasIpv6()) {
            network.ipv6(gateway).ifPresent(ipv6 -> wanted.add(new Address(bridge.index(), ipv6)));
            found.addAll(Addresses.listIpv6(socket));
        }
        found.removeIf(address -> address.device() != bridge.index());
        List<Request> changes = new ArrayList<>();
        found.stream().filter(address -> !wanted.contains(address)).forEach(address -> changes.add(Addresses.delete(address)));
        wanted.stream().filter(address -> !found.contains(address)).forEach(address -> changes.add(Addresses.add(address)));
        return changes;
    }

    /**
     * Bridged frames stay out of iptables, IPv6 stays off our devices (its chatter would wake the tunnel) but for the bridge of a network that has
     * it, and containers may leave by the gateway.
     */
    private void setKernelSwitches(DeviceNames names, OverlayNetwork network) {
        Map<String, String> switches = new TreeMap<>();
        switches.put("bridge/bridge-nf-call-iptables", "0");
        switches.put("ipv4/ip_forward", "1");
        if (network.hasIpv6()) {
            switches.put("bridge/bridge-nf-call-ip6tables", "0");
        }
        switches.putAll(ipv6Switches(names.bridge(), network.hasIpv6()));
        switches.put("ipv6/conf/" + names.vxlan() + "/disable_ipv6", "1");
        sysctl.set(switches);
    }

    /**
     * What a device that is to have addresses given by us, or none, needs. Nobody's advertisements configure it, and its link-local address is not
     * searched for duplicates: the gateway's MAC, from which it comes, is the same on each host.
     */
    static Map<String, String> ipv6Switches(String device, boolean on) {
        String conf = "ipv6/conf/" + device + "/";
        return on ? new TreeMap<>(Map.of(conf + "accept_dad", "0", conf + "accept_ra", "0", conf + "disable_ipv6", "0"))
            : Map.of(conf + "disable_ipv6", "1");
    }

    private int underlay(String vtep) {
        if (underlayDevice.isPresent()) {
            return require("underlay", underlayDevice.get()).index();
        }
        List<Address> addresses = AddressText.isIpv6(vtep) ? Addresses.listIpv6(socket) : Addresses.list(socket);
        return addresses.stream().filter(address -> address.cidr().startsWith(vtep + "/")).mapToInt(Address::device).findFirst()
            .orElseThrow(() -> new NetlinkException("underlay", Errno.EADDRNOTAVAIL, "no device has the VTEP's address " + vtep
                + ": give one of this host's as 'address' below 'overlay:' in the configuration"));
    }

    private Link require(String operation, String device) {
        return Links.find(socket, device).orElseThrow(() -> new NetlinkException(operation, Errno.ENODEV, "there is no device " + device));
    }

    private static NetlinkException notOurs(String name, Link found, String wanted) {
        return new NetlinkException("ensure " + name, Errno.EEXIST, "a device of that name exists and is no " + wanted + " but " + found.kind());
    }
}
