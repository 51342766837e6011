package dev.starling.netlink.overlay;

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
import dev.starling.netlink.route.Link;
import dev.starling.netlink.route.LinkKind;
import dev.starling.netlink.route.Links;
import dev.starling.netlink.route.Neighbors;
import dev.starling.netlink.route.Route;
import dev.starling.netlink.route.Routes;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The veth pair between a bridge and a container. The pair is made by one request, its far end already in the container, so that a crash leaves
 * either nothing or a pair; whatever is then missing on it is added by the next {@link #attach}.
 */
record ContainerLeg(NetlinkSocket host, Sysctl sysctl, Link bridge, Link vxlan, String name, OverlayNetwork network) {

    void attach(LocalEndpoint endpoint, NetNs container) {
        try (NetlinkSocket inside = NetlinkSocket.openIn(container)) {
            if (!leadsTo(endpoint, inside)) {
                create(endpoint, container, inside);
            }
            configureOutside(endpoint);
            configureInside(endpoint, container, inside);
            claimAddress(endpoint);
        }
    }

    /** Whether the pair exists. One whose far end is not in this container is removed. */
    private boolean leadsTo(LocalEndpoint endpoint, NetlinkSocket inside) {
        Optional<Link> near = Links.find(host, name);
        if (near.isEmpty()) {
            return false;
        }
        Link end = near.get();
        if (!(end.kind() instanceof LinkKind.Veth)) {
            throw new NetlinkException("attach " + endpoint.id(), Errno.EEXIST, name + " exists and is not a veth");
        }
        Optional<Link> far = Links.find(inside, endpoint.interfaceName());
        if (far.isPresent() && far.get().index() == end.peer() && far.get().peer() == end.index()) {
            return true;
        }
        host.execute(Links.delete(end));
        return false;
    }

    private void create(LocalEndpoint endpoint, NetNs container, NetlinkSocket inside) {
        if (Links.find(inside, endpoint.interfaceName()).isPresent()) {
            throw new NetlinkException("attach " + endpoint.id(), Errno.EEXIST,
                container + " has a device " + endpoint.interfaceName() + " that does not lead to " + bridge.name());
        }
        try (NetNs.Descriptor namespace = container.open()) {
            host.execute(Links.addVethInto(name, bridge.index(), endpoint.interfaceName(), MacAddress.of(endpoint.address()), namespace, network.mtu()));
        }
    }

    private void configureOutside(LocalEndpoint endpoint) {
        sysctl.set(Map.of("ipv6/conf/" + name + "/disable_ipv6", "1"));
        Link end = near(endpoint);
        List<Request> changes = new ArrayList<>();
        if (end.mtu() != network.mtu()) {
            changes.add(Links.mtu(name, network.mtu()));
        }
        if (end.master() != bridge.index()) {
            changes.add(Links.master(name, bridge.index()));
        }
        if (!end.port().equals(Optional.of(BridgePort.standard()))) {
            changes.add(Links.port(name, BridgePort.standard()));
        }
        if (!end.up()) {
            changes.add(Links.up(name));
        }
        host.executeAll(changes);
    }

    private void configureInside(LocalEndpoint endpoint, NetNs container, NetlinkSocket inside) {
        String device = endpoint.interfaceName();
        String mac = MacAddress.of(endpoint.address());
        new Sysctl(container).set(NetlinkOverlay.ipv6Switches(device, network.hasIpv6()));
        Link link = Links.find(inside, device).orElseThrow(() -> new NetlinkException("attach " + endpoint.id(), Errno.ENODEV, device + " vanished"));
        List<Request> changes = new ArrayList<>();
        if (!link.mac().equals(mac)) {
            changes.add(Links.mac(device, mac));
        }
        if (link.mtu() != network.mtu()) {
            changes.add(Links.mtu(device, network.mtu()));
        }
        changes.add(Links.up("lo"));
        changes.add(Addresses.add(new Address(link.index(), endpoint.address())));
        network.ipv6(endpoint.address()).ifPresent(ipv6 -> changes.add(Addresses.add(new Address(link.index(), ipv6))));
        changes.add(Links.up(device));
        if (endpoint.defaultRoute()) {
            changes.add(Routes.replace(new Route(Route.DEFAULT, network.gateway(), link.index())));
            network.ipv6(network.gateway()).ifPresent(gateway -> changes.add(Routes.replace(new Route(Route.DEFAULT_IPV6, gateway, link.index()))));
        }
        inside.executeAll(changes);
    }

    /** From here on the address is local: forget where it was, and pin its MAC to this port, which also tells {@code sync} so. */
    private void claimAddress(LocalEndpoint endpoint) {
        String mac = MacAddress.of(endpoint.address());
        String address = endpoint.address().substring(0, endpoint.address().indexOf('/'));
        Link end = near(endpoint);
        List<Request> changes = new ArrayList<>(List.of(Fdb.deleteSelf(vxlan.index(), mac), Fdb.deleteMaster(vxlan.index(), mac),
            Neighbors.delete(bridge.index(), address)));
        network.ipv6(address).ifPresent(ipv6 -> changes.add(Neighbors.delete(bridge.index(), ipv6)));
        changes.add(Fdb.pin(end.index(), mac));
        host.executeAll(changes);
    }

    private Link near(LocalEndpoint endpoint) {
        return Links.find(host, name).orElseThrow(() -> new NetlinkException("attach " + endpoint.id(), Errno.ENODEV, name + " vanished"));
    }
}
