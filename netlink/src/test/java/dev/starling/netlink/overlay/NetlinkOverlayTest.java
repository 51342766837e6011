package dev.starling.netlink.overlay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.netlink.Errno;
import dev.starling.netlink.NamespaceLab;
import dev.starling.netlink.NetNs;
import dev.starling.netlink.NetlinkException;
import dev.starling.netlink.NetlinkSocket;
import dev.starling.netlink.route.Link;
import dev.starling.netlink.route.Links;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Three hosts at one switch, each a namespace; containers are namespaces too. */
class NetlinkOverlayTest {
    private static final OverlayNetwork NETWORK = new OverlayNetwork("k3v9x0a1b2c3d4e5f6g7h8i9j", 4097, "10.42.0.0/24", "10.42.0.1", false, 1450);
    private static final OverlayNetwork OTHER = new OverlayNetwork("zz19x0a1b2c3d4e5f6g7h8i9j", 4098, "10.43.0.0/24", "10.43.0.1", false, 1450);

    private static final OverlayNetwork DUAL =
        new OverlayNetwork(NETWORK.uid(), 4097, "10.42.0.0/24", "10.42.0.1", false, 1450, false, "fd00:42::/64");

    private record Host(String vtep, Path namespace, NetlinkOverlay overlay) {}

    private final List<Host> hosts = new ArrayList<>();
    private NamespaceLab lab;

    @BeforeEach
    void build() {
        lab = NamespaceLab.open();
        Path wire = lab.namespace("wire");
        lab.ip(wire, "link add sw type bridge forward_delay 0 mcast_snooping 0");
        lab.ip(wire, "link set sw up");
        for (int i = 1; i <= 3; i++) {
            Path namespace = lab.namespace("h" + i);
            lab.ip(wire, "link add p" + i + " type veth peer name under0 netns " + namespace.getFileName());
            lab.ip(wire, "link set p" + i + " master sw up");
            lab.ip(namespace, "link set lo up");
            lab.ip(namespace, "address add 172.30.0." + i + "/24 dev under0");
            lab.ip(namespace, "link set under0 up");
            hosts.add(new Host("172.30.0." + i, namespace, new NetlinkOverlay(NetNs.at(namespace), Optional.empty())));
        }
    }

    @AfterEach
    void clear() {
        hosts.forEach(host -> host.overlay().close());
        if (lab != null) {
            lab.close();
        }
    }

    @Test
    void containersReachEachOtherOnOneHostAndAcrossHosts() throws IOException {
        Path a = container(1, "a", "10.42.0.2");
        Path b = container(1, "b", "10.42.0.3");
        Path c = container(2, "c", "10.42.0.4");
        Path d = container(2, "d", "10.42.0.5");
        assertFalse(ping(a, "10.42.0.4"), "nobody has said where it is");
        sync(1, remote("10.42.0.4", 2), remote("10.42.0.5", 2));
        sync(2, remote("10.42.0.2", 1), remote("10.42.0.3", 1));

        assertTrue(ping(a, "10.42.0.3"), "same host");
        assertTrue(ping(a, "10.42.0.4"), "across hosts");
        assertTrue(ping(d, "10.42.0.3"), "back");
        assertEquals("10.42.0.2", callerSeenBy(d, "10.42.0.5", a), "TCP across hosts");
        assertEquals("10.42.0.3", callerSeenBy(a, "10.42.0.2", b), "TCP on one host");
        assertTrue(ping(a, "10.42.0.1") && ping(c, "10.42.0.1"), "each asks its own gateway");
        assertTrue(ping(a, "127.0.0.1"), "loopback is up");
        String routes = lab.ip(a, "route");
        assertTrue(routes.contains("default via 10.42.0.1 dev eth0"), routes);
        assertTrue(lab.ip(a, "-j link show dev eth0").contains("02:42:0a:2a:00:02"));
    }

    @Test
    void ipv6GoesTheSameWaysAndNoSearchForDuplicatesHoldsItUp() throws IOException {
        org.junit.jupiter.api.Assumptions.assumeTrue(java.nio.file.Files.exists(Path.of("/proc/sys/net/ipv6")), "this kernel has no IPv6");
        List<Path> containers = new ArrayList<>();
        for (int i = 1; i <= 2; i++) {
            hosts.get(i - 1).overlay().ensure(DUAL, hosts.get(i - 1).vtep());
            Path container = lab.namespace("six" + i);
            hosts.get(i - 1).overlay().attach(DUAL, leg("six" + i, "10.42.0.1" + i), container);
            hosts.get(i - 1).overlay().sync(DUAL, List.of(remote("10.42.0.1" + (3 - i), 3 - i)));
            containers.add(container);
        }
        assertEquals("fd00:42:0:0:0:0:0:b", callerSeenBy(containers.get(1), "fd00:42::c", containers.get(0)), "at once, across hosts");
        assertTrue(ping(containers.get(0), "fd00:42::1") && ping(containers.get(0), "10.42.0.12"), "the gateway; and IPv4 beside it");
        long known = tunnelled(1);
        assertFalse(ping(containers.get(0), "fd00:42::77"));
        assertEquals(known, tunnelled(1), "a solicitation for an unknown address stays here");

        String before = state(1) + lab.ip(hosts.get(0).namespace(), "-6 address");
        hosts.get(0).overlay().ensure(DUAL, hosts.get(0).vtep());
        hosts.get(0).overlay().attach(DUAL, leg("six1", "10.42.0.11"), containers.get(0));
        hosts.get(0).overlay().sync(DUAL, List.of(remote("10.42.0.12", 2)));
        assertEquals(before, state(1) + lab.ip(hosts.get(0).namespace(), "-6 address"), "nothing to change");
        hosts.get(0).overlay().sync(DUAL, List.of());
        assertFalse(state(1).contains("fd00:42::c"), "what is no longer remote is forgotten");
    }

    /** As at a site without IPv4: containers have both families, and the hosts have IPv6 only. */
    @Test
    void tunnelsGoByIpv6() throws IOException {
        org.junit.jupiter.api.Assumptions.assumeTrue(java.nio.file.Files.exists(Path.of("/proc/sys/net/ipv6")), "this kernel has no IPv6");
        OverlayNetwork network = new OverlayNetwork(NETWORK.uid(), 4097, "10.42.0.0/24", "10.42.0.1", false, 1430, false, "fd00:42::/64");
        OverlayNetwork encrypted = new OverlayNetwork(OTHER.uid(), 4098, "10.43.0.0/24", "10.43.0.1", false, 1384, true);
        List<Path> containers = new ArrayList<>();
        for (int i = 1; i <= 2; i++) {
            Host host = hosts.get(i - 1);
            lab.ip(host.namespace(), "address flush dev under0 scope global");
            lab.ip(host.namespace(), "address add fd00:30::" + i + "/64 dev under0 nodad");
            Path container = lab.namespace("six" + i);
            for (OverlayNetwork each : List.of(network, encrypted)) { // nothing here drops what is not ESP: that is VxlanEncryption's
                String prefix = each.subnet().replace("0/24", "");
                host.overlay().ensure(each, "fd00:30::" + i);
                host.overlay().attach(each, new LocalEndpoint("six" + i, prefix + "1" + i + "/24", each == network ? "eth0" : "eth1", each == network), container);
                host.overlay().sync(each, List.of(new RemoteEndpoint(prefix + "1" + (3 - i), "fd00:30::" + (3 - i))));
            }
            containers.add(container);
        }
        assertEquals("10.42.0.11", callerSeenBy(containers.get(1), "10.42.0.12", containers.get(0)));
        assertEquals("fd00:42:0:0:0:0:0:b", callerSeenBy(containers.get(1), "fd00:42::c", containers.get(0)), "IPv6 within IPv6");
        assertEquals("10.43.0.11", callerSeenBy(containers.get(1), "10.43.0.12", containers.get(0)), "without checksums, for ESP");
        assertEquals(1402, received(containers.get(1), "10.42.0.12", containers.get(0), 1402), "all that the MTU has room for");
        assertTrue(lab.in(hosts.get(0).namespace(), "cat", "/proc/net/snmp6").matches("(?s).*Ip6FragCreates\\s+0\\n.*"), "and the tunnel has, too");
        String encryptedTunnel = lab.ip(hosts.get(0).namespace(), "-j -d link show dev sx-zz19x0a1b2");
        for (String part : List.of("\"local6\":\"fd00:30::1\"", "\"port\":7947", "\"udp_zero_csum6_tx\":true", "\"udp_zero_csum6_rx\":true")) {
            assertTrue(encryptedTunnel.contains(part), part + " in " + encryptedTunnel);
        }
        String before = state(1);
        hosts.get(0).overlay().ensure(network, "fd00:30::1");
        hosts.get(0).overlay().sync(network, List.of(new RemoteEndpoint("10.42.0.12", "fd00:30::2")));
        assertEquals(before, state(1), "nothing to change");
        lab.ip(hosts.get(0).namespace(), "address add 172.30.0.1/24 dev under0");
        hosts.get(0).overlay().ensure(NETWORK, "172.30.0.1");
        assertTrue(lab.ip(hosts.get(0).namespace(), "-j -d link show dev sx-k3v9x0a1b2").contains("\"local\":\"172.30.0.1\""), "a host that moves to IPv4");
    }

    @Test
    void nothingUnknownLeavesTheHost() {
        Path a = container(1, "a", "10.42.0.2");
        container(2, "c", "10.42.0.4");
        sync(1, remote("10.42.0.4", 2));
        sync(2, remote("10.42.0.2", 1));
        assertTrue(ping(a, "10.42.0.4"));
        long known = tunnelled(1);
        assertTrue(known > 0, "the counter counts");
        assertFalse(ping(a, "10.42.0.77"));
        assertTrue(ping(a, "10.42.0.1"), "the gateway answers here");
        assertEquals(known, tunnelled(1), "ARP for an unknown address and for the gateway stays here");
    }

    @Test
    void anEndpointThatMovedIsReachedWhereItIs() {
        Path a = container(1, "a", "10.42.0.2");
        container(2, "c", "10.42.0.4");
        sync(1, remote("10.42.0.4", 2));
        sync(2, remote("10.42.0.2", 1));
        ensure(3);
        sync(3, remote("10.42.0.2", 1), remote("10.42.0.4", 2));
        assertTrue(ping(a, "10.42.0.4"));

        hosts.get(1).overlay().detach(NETWORK, "c");
        Path moved = container(3, "c2", "10.42.0.4");
        sync(3, remote("10.42.0.2", 1), remote("10.42.0.4", 2));
        assertTrue(ping(hosts.get(2).namespace(), "10.42.0.4"), "a record that is late does not take the address from the container that is here");
        sync(1, remote("10.42.0.4", 3));
        assertTrue(ping(a, "10.42.0.4"));
        assertTrue(ping(moved, "10.42.0.2"));

        // and onto the host that thought of it as remote
        hosts.get(2).overlay().detach(NETWORK, "c2");
        Path home = container(1, "c3", "10.42.0.4");
        assertTrue(ping(a, "10.42.0.4"), "at once, before any sync");
        sync(1);
        assertTrue(ping(home, "10.42.0.2"));
    }

    @Test
    void eachCallMendsWhatACrashLeft() {
        Host host = hosts.get(0);
        DeviceNames names = DeviceNames.of(NETWORK.uid());
        lab.ip(host.namespace(), "link add " + names.bridge() + " type bridge");
        lab.ip(host.namespace(), "link add " + names.vxlan() + " type vxlan id 9 dstport 4789 local 172.30.0.1 dev under0");
        lab.ip(host.namespace(), "link add " + names.leg("a") + " type veth peer name left-over");
        ensure(1);
        ensure(2);
        Path a = container(1, "a", "10.42.0.2");
        container(2, "c", "10.42.0.4");
        sync(1, remote("10.42.0.4", 2));
        sync(2, remote("10.42.0.2", 1));
        assertTrue(ping(a, "10.42.0.4"));
        assertFalse(lab.ip(host.namespace(), "link").contains("left-over"));

        lab.ip(host.namespace(), "link delete " + names.bridge());
        lab.ip(host.namespace(), "link delete " + names.vxlan());
        lab.ip(a, "address flush dev eth0");
        lab.ip(a, "link set eth0 down");
        ensure(1);
        host.overlay().attach(NETWORK, leg("a", "10.42.0.2"), a);
        sync(1, remote("10.42.0.4", 2));
        assertTrue(ping(a, "10.42.0.4"), "bridge, tunnel, address and link state are back");
        assertTrue(lab.ip(a, "route").contains("default via"));

        lab.bridge(host.namespace(), "link set dev " + names.vxlan() + " learning on flood on neigh_suppress off");
        lab.ip(host.namespace(), "address add 10.99.0.1/24 dev " + names.bridge());
        ensure(1);
        assertFalse(lab.ip(host.namespace(), "address show dev " + names.bridge()).contains("10.99.0.1"));
        try (NetlinkSocket socket = NetlinkSocket.openIn(host.namespace())) {
            assertEquals(Optional.of(dev.starling.netlink.route.BridgePort.silentTunnel()), Links.find(socket, names.vxlan()).orElseThrow().port());
        }
    }

    @Test
    void repeatedCallsChangeNothing() {
        Path a = container(1, "a", "10.42.0.2");
        sync(1, remote("10.42.0.4", 2));
        assertFalse(lab.ip(hosts.get(0).namespace(), "-6 address show").matches("(?s).* s[vxb]-.*"), "no IPv6 on our devices");
        String before = state(1);
        ensure(1);
        hosts.get(0).overlay().attach(NETWORK, leg("a", "10.42.0.2"), a);
        sync(1, remote("10.42.0.4", 2));
        assertEquals(before, state(1));
        sync(1);
        assertFalse(state(1).contains("02:42:0a:2a:00:04"), "what is no longer remote is forgotten");
    }

    @Test
    void aNewUnderlayAddressMovesTheTunnel() {
        Path a = container(1, "a", "10.42.0.2");
        container(2, "c", "10.42.0.4");
        sync(1, remote("10.42.0.4", 2));
        lab.ip(hosts.get(0).namespace(), "address add 172.30.0.101/24 dev under0");
        hosts.get(0).overlay().ensure(NETWORK, "172.30.0.101");
        sync(1, remote("10.42.0.4", 2));
        hosts.get(1).overlay().sync(NETWORK, List.of(new RemoteEndpoint("10.42.0.2", "172.30.0.101")));
        assertTrue(ping(a, "10.42.0.4"));
    }

    @Test
    void removalLeavesNothingAndTouchesNothingElse() {
        Host host = hosts.get(0);
        container(1, "a", "10.42.0.2");
        host.overlay().ensure(OTHER, host.vtep());
        lab.ip(host.namespace(), "link add sv-of-another type bridge");
        assertEquals(new TreeSet<>(List.of("k3v9x0a1b2", "zz19x0a1b2")), host.overlay().present());
        host.overlay().remove(NETWORK.uid());
        host.overlay().remove(NETWORK.uid());
        host.overlay().detach(NETWORK, "a");
        assertEquals(new TreeSet<>(List.of("zz19x0a1b2")), host.overlay().present());
        host.overlay().remove("zz19x0a1b2");
        try (NetlinkSocket socket = NetlinkSocket.openIn(host.namespace())) {
            List<String> left = Links.list(socket).stream().map(Link::name).filter(name -> name.startsWith("s")).toList();
            assertEquals(List.of("sv-of-another"), left);
        }
    }

    @Test
    void aContainerInTwoNetworksHasTwoLegs() {
        Path a = container(1, "a", "10.42.0.2");
        hosts.get(0).overlay().ensure(OTHER, "172.30.0.1");
        hosts.get(0).overlay().attach(OTHER, new LocalEndpoint("a", "10.43.0.2/24", "eth1", false), a);
        assertTrue(ping(a, "10.42.0.1") && ping(a, "10.43.0.1"));
        assertEquals(1, lab.ip(a, "route").lines().filter(line -> line.startsWith("default")).count());
    }

    @Test
    void whatCannotBeDoneSaysWhy() {
        Host host = hosts.get(0);
        Path container = lab.namespace("x");
        assertEquals(Errno.ENODEV, assertThrows(NetlinkException.class, () -> host.overlay().attach(NETWORK, leg("x", "10.42.0.9"), container)).errno());
        NetlinkException noDevice = assertThrows(NetlinkException.class, () -> host.overlay().ensure(NETWORK, "192.0.2.1"));
        assertTrue(noDevice.getMessage().contains("192.0.2.1"), noDevice.getMessage());
        lab.ip(host.namespace(), "link add sb-k3v9x0a1b2 type veth peer name other-end");
        NetlinkException taken = assertThrows(NetlinkException.class, () -> ensure(1));
        assertTrue(taken.getMessage().contains("Veth"), taken.getMessage());
        lab.ip(host.namespace(), "link delete sb-k3v9x0a1b2");
        ensure(1);
        lab.ip(container, "link add eth0 type bridge");
        NetlinkException foreign = assertThrows(NetlinkException.class, () -> host.overlay().attach(NETWORK, leg("x", "10.42.0.9"), container));
        assertTrue(foreign.getMessage().contains("eth0"), foreign.getMessage());
    }

    @Test
    void loopbackAlone() {
        Path container = lab.namespace("x");
        assertFalse(ping(container, "127.0.0.1"));
        hosts.get(0).overlay().loopbackUp(container);
        assertTrue(ping(container, "127.0.0.1"));
    }

    @Test
    void twoHundredEndpointsAreSyncedInOneBatch() {
        ensure(1);
        List<RemoteEndpoint> remotes = IntStream.rangeClosed(2, 201).mapToObj(i -> remote("10.42.0." + i, 2 + i % 2)).toList();
        long start = System.nanoTime();
        hosts.get(0).overlay().sync(NETWORK, remotes);
        long first = System.nanoTime();
        hosts.get(0).overlay().sync(NETWORK, remotes);
        long second = System.nanoTime();
        System.out.printf("sync of 200 remote endpoints: %.1f ms; again, unchanged: %.1f ms%n", (first - start) / 1e6, (second - first) / 1e6);
        String fdb = lab.bridge(hosts.get(0).namespace(), "fdb show br sb-k3v9x0a1b2");
        assertEquals(200, fdb.lines().filter(line -> line.contains(" dst 172.30.0.")).count());
        assertEquals(200, lab.ip(hosts.get(0).namespace(), "neigh show dev sb-k3v9x0a1b2 nud permanent").lines().count());
    }

    private void ensure(int host) {
        hosts.get(host - 1).overlay().ensure(NETWORK, hosts.get(host - 1).vtep());
    }

    private Path container(int host, String id, String address) {
        ensure(host);
        Path namespace = lab.namespace("c" + id);
        hosts.get(host - 1).overlay().attach(NETWORK, leg(id, address), namespace);
        return namespace;
    }

    private void sync(int host, RemoteEndpoint... remotes) {
        hosts.get(host - 1).overlay().sync(NETWORK, List.of(remotes));
    }

    private static LocalEndpoint leg(String id, String address) {
        return new LocalEndpoint(id, address + "/24", "eth0", true);
    }

    private static RemoteEndpoint remote(String address, int host) {
        return new RemoteEndpoint(address, "172.30.0." + host);
    }

    /** One ICMP echo from inside a namespace; a reply may need a moment on a busy machine, a missing one costs the whole time. */
    private static boolean ping(Path from, String to) {
        try {
            return NetNs.at(from).call(() -> InetAddress.getByName(to).isReachable(2000));
        } catch (IOException e) {
            return false;
        }
    }

    /** Connects from {@code client} to a server in {@code server}; the address that the server saw. */
    private static String callerSeenBy(Path server, String address, Path client) throws IOException {
        try (ServerSocket listening = NetNs.at(server).call(() -> new ServerSocket(8080, 1, InetAddress.getByName(address)));
             Socket caller = NetNs.at(client).call(() -> {
                 Socket socket = new Socket();
                 socket.connect(new InetSocketAddress(address, 8080), 20_000);
                 return socket;
             })) {
            listening.setSoTimeout(20_000);
            try (Socket accepted = listening.accept()) {
                caller.getOutputStream().write(42);
                assertEquals(42, accepted.getInputStream().read());
                return accepted.getInetAddress().getHostAddress();
            }
        }
    }

    /** How many bytes of a datagram of {@code bytes} arrive. */
    private static int received(Path server, String address, Path client, int bytes) throws IOException {
        try (DatagramSocket there = NetNs.at(server).call(() -> new DatagramSocket(8081, InetAddress.getByName(address)));
             DatagramSocket here = NetNs.at(client).call(() -> new DatagramSocket())) {
            there.setSoTimeout(20_000);
            here.send(new DatagramPacket(new byte[bytes], bytes, InetAddress.getByName(address), 8081));
            DatagramPacket packet = new DatagramPacket(new byte[2000], 2000);
            there.receive(packet);
            return packet.getLength();
        }
    }

    /** Packets that the VXLAN device of a host has sent. */
    private long tunnelled(int host) {
        String shown = lab.ip(hosts.get(host - 1).namespace(), "-s -j link show dev sx-k3v9x0a1b2");
        Matcher sent = Pattern.compile("\"tx\":\\{\"bytes\":\\d+,\"packets\":(\\d+)").matcher(shown);
        assertTrue(sent.find(), shown);
        return Long.parseLong(sent.group(1));
    }

    private String state(int host) {
        Path namespace = hosts.get(host - 1).namespace();
        return lab.ip(namespace, "link") + lab.ip(namespace, "-4 address") + lab.ip(namespace, "route") + lab.bridge(namespace, "fdb show br sb-k3v9x0a1b2")
            + lab.ip(namespace, "neigh show nud permanent");
    }
}
