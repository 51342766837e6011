package dev.starling.netlink.route;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.netlink.NamespaceTest;
import dev.starling.netlink.NetNs;
import dev.starling.netlink.NetlinkSocket;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Each object against iproute2: what we make it prints, what it makes we list. */
class RouteObjectsTest extends NamespaceTest {
    private Path here;
    private NetlinkSocket socket;

    @BeforeEach
    void open() {
        here = lab.namespace("here");
        socket = NetlinkSocket.openIn(here);
    }

    @AfterEach
    void close() {
        if (socket != null) {
            socket.close();
        }
    }

    @Test
    void bridgeVxlanAndPortFlags() {
        socket.executeAll(List.of(Links.addBridge("under", "02:42:0a:00:00:03", 1500), Links.addBridge("br0", "02:42:0a:00:00:01", 1450)));
        LinkKind.Vxlan tunnel = new LinkKind.Vxlan(4096, "172.30.0.1", link("under").index(), 4789, true);
        socket.execute(Links.addVxlan("vx0", tunnel, 1450, link("br0").index()));
        socket.executeAll(List.of(Links.port("vx0", BridgePort.silentTunnel()), Links.up("vx0"), Links.up("br0")));

        String vxlan = lab.ip(here, "-j -d link show dev vx0");
        for (String part : List.of("\"id\":4096", "\"local\":\"172.30.0.1\"", "\"link\":\"under\"", "\"port\":4789", "\"learning\":false", "\"master\":\"br0\"",
            "\"mtu\":1450", "\"info_slave_kind\":\"bridge\"", "\"neigh_suppress\":true", "\"mcast_flood\":false", "\"bcast_flood\":false", "\"flood\":false")) {
            assertTrue(vxlan.contains(part), part + " in " + vxlan);
        }
        String bridge = lab.ip(here, "-j -d link show dev br0");
        for (String part : List.of("\"address\":\"02:42:0a:00:00:01\"", "\"mcast_snooping\":0", "\"forward_delay\":0", "\"mtu\":1450", "\"UP\"")) {
            assertTrue(bridge.contains(part), part + " in " + bridge);
        }
        assertEquals(tunnel, link("vx0").kind());
        assertEquals(Optional.of(BridgePort.silentTunnel()), link("vx0").port());
        assertEquals(link("br0").index(), link("vx0").master());
        assertEquals(new LinkKind.Bridge(), link("br0").kind());
        assertEquals("02:42:0a:00:00:01", link("br0").mac());
    }

    @Test
    void linkChangesOneByOne() {
        lab.ip(here, "link add v0 type veth peer name v1");
        assertEquals(link("v1").index(), link("v0").peer());
        assertEquals(new LinkKind.Veth(), link("v0").kind());
        assertEquals(new LinkKind.Other(""), link("lo").kind());
        socket.executeAll(List.of(Links.mtu("v0", 1400), Links.mac("v0", "02:42:0a:00:00:07"), Links.up("v0")));
        String shown = lab.ip(here, "-j link show dev v0");
        assertTrue(shown.contains("\"mtu\":1400") && shown.contains("02:42:0a:00:00:07") && shown.contains("\"UP\""), shown);
        lab.ip(here, "link set v0 down");
        assertFalse(link("v0").up());
        socket.execute(Links.addBridge("br0", "02:42:0a:00:00:01", 1500));
        socket.execute(Links.master("v0", link("br0").index()));
        assertEquals(Optional.of(BridgePort.standard()), link("v0").port());
        socket.execute(Links.master("v0", 0));
        assertEquals(Optional.empty(), link("v0").port());
        Link gone = link("v0");
        socket.execute(Links.delete(gone));
        socket.execute(Links.delete(gone));
        assertEquals(Optional.empty(), Links.find(socket, "v1"), "the other end goes with it");
    }

    @Test
    void aPairBornIntoAnotherNamespace() {
        Path there = lab.namespace("there");
        socket.execute(Links.addBridge("br0", "02:42:0a:00:00:01", 1450));
        try (NetNs.Descriptor namespace = NetNs.at(there).open(); NetlinkSocket inside = NetlinkSocket.openIn(there)) {
            socket.execute(Links.addVethInto("v0", link("br0").index(), "eth0", "02:42:0a:00:00:09", namespace, 1450));
            Link far = Links.find(inside, "eth0").orElseThrow();
            assertEquals(link("v0").index(), far.peer());
            assertEquals(far.index(), link("v0").peer());
            assertEquals("02:42:0a:00:00:09", far.mac());
            assertEquals(link("br0").index(), link("v0").master());
        }
    }

    @Test
    void addressesAndRoutes() {
        socket.execute(Links.addBridge("d0", "02:42:0a:00:00:03", 1500));
        int d0 = link("d0").index();
        Address address = new Address(d0, "10.1.0.5/24");
        socket.executeAll(List.of(Links.up("d0"), Addresses.add(address), Addresses.add(address)));
        String shown = lab.ip(here, "-j -4 address show dev d0");
        assertTrue(shown.contains("\"local\":\"10.1.0.5\",\"prefixlen\":24"), shown);
        lab.ip(here, "address add 10.2.0.9/16 dev d0");
        assertEquals(List.of(address, new Address(d0, "10.2.0.9/16")), Addresses.list(socket));

        Route viaGateway = new Route(Route.DEFAULT, "10.1.0.1", d0);
        Route onLink = new Route("10.9.0.0/16", "", d0);
        socket.executeAll(List.of(Routes.replace(viaGateway), Routes.replace(viaGateway), Routes.replace(onLink)));
        String routes = lab.ip(here, "route");
        assertTrue(routes.contains("default via 10.1.0.1 dev d0") && routes.contains("10.9.0.0/16 dev d0"), routes);

        socket.executeAll(List.of(Addresses.delete(address), Addresses.delete(address)));
        assertEquals(List.of(new Address(d0, "10.2.0.9/16")), Addresses.list(socket));
    }

    @Test
    void neighborsAndForwardingEntries() {
        socket.executeAll(List.of(Links.addBridge("under", "02:42:0a:00:00:03", 1500), Links.addBridge("br0", "02:42:0a:00:00:01", 1450), Links.up("br0")));
        int bridge = link("br0").index();
        socket.execute(Links.addVxlan("vx0", new LinkKind.Vxlan(7, "172.30.0.1", link("under").index(), 4789, true), 1450, bridge));
        socket.execute(Links.up("vx0"));
        int vxlan = link("vx0").index();
        String mac = "02:42:0a:00:00:02";

        socket.executeAll(List.of(Fdb.replaceRemote(vxlan, mac, "172.30.0.2"), Neighbors.replace(bridge, "10.0.0.2", mac)));
        String fdb = lab.bridge(here, "fdb show br br0");
        assertTrue(fdb.lines().anyMatch(line -> line.startsWith(mac + " dev vx0 dst 172.30.0.2") && line.contains("self")), fdb);
        assertTrue(fdb.lines().anyMatch(line -> line.startsWith(mac + " dev vx0") && line.contains("extern_learn") && line.contains("master br0")), fdb);
        String neighbors = lab.ip(here, "neigh show dev br0");
        assertTrue(neighbors.contains("10.0.0.2 lladdr " + mac + " PERMANENT"), neighbors);
        assertEquals(List.of(new Neighbor(bridge, "10.0.0.2", mac, true)), Neighbors.list(socket, bridge));
        assertEquals(List.of("172.30.0.2"), selfEntries(bridge, mac));
        assertTrue(Fdb.list(socket, bridge).stream().anyMatch(entry -> entry.ofBridge() && entry.external() && entry.mac().equals(mac)));

        socket.execute(Fdb.replaceRemote(vxlan, mac, "172.30.0.3"));
        assertEquals(List.of("172.30.0.3"), selfEntries(bridge, mac));

        for (int i = 0; i < 2; i++) {
            socket.executeAll(List.of(Fdb.deleteSelf(vxlan, mac), Fdb.deleteMaster(vxlan, mac), Neighbors.delete(bridge, "10.0.0.2")));
            assertFalse(lab.bridge(here, "fdb show br br0").contains(mac));
            assertEquals(List.of(), Neighbors.list(socket, bridge));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.0.0.1", "10.0.0.1/", "10.0.0.1/33", "fd00::/129", "/8", "10.0.0/8", "10.0.0.1/-1", "fd00::/x"})
    void whatIsNoPrefixIsRefusedInItsOwnWords(String text) {
        IllegalArgumentException refusal = assertThrows(IllegalArgumentException.class, () -> Routes.replace(new Route(text, "", 1)));
        assertTrue(refusal.getMessage().startsWith("not an ") || refusal.getMessage().endsWith(text), refusal.getMessage());
        assertThrows(IllegalArgumentException.class, () -> Addresses.add(new Address(1, text)));
    }

    private List<String> selfEntries(int bridge, String mac) {
        return Fdb.list(socket, bridge).stream().filter(entry -> !entry.ofBridge() && entry.mac().equals(mac)).map(FdbEntry::destination).toList();
    }

    private Link link(String name) {
        return Links.find(socket, name).orElseThrow();
    }
}
