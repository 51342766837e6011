package dev.starling.netlink.balance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.starling.netlink.NamespaceLab;
import dev.starling.netlink.NetNs;
import dev.starling.netlink.nft.ConntrackFlows;
import dev.starling.netlink.nft.Family;
import dev.starling.netlink.nft.Transport;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Real connections: a client, a host that balances, and backends on a bridge of the host (one namespace that has all their addresses). */
class NetfilterBalancerTest {
    private static final String BRIDGE = "sb-ingress000";
    private static final int SERVER = 8080;
    private static final int UPDATES = Integer.getInteger("starling.balancer.updates", 150);

    private NamespaceLab lab;
    private Path client;
    private Path host;
    private Path tasks;
    private NetfilterBalancer balancer;
    private final List<AutoCloseable> servers = Collections.synchronizedList(new ArrayList<>());

    @BeforeEach
    void open() {
        lab = NamespaceLab.open();
        client = lab.namespace("cli");
        host = lab.namespace("host");
        tasks = lab.namespace("tasks");
        balancer = new NetfilterBalancer(NetNs.at(host));
        assumeTrue(balancer.missing().isEmpty(), () -> "this kernel lacks " + balancer.missing());
        for (Path namespace : List.of(client, host, tasks)) {
            lab.ip(namespace, "link set lo up");
        }
        lab.ip(client, "link add eth0 type veth peer name eth0 netns " + host.getFileName());
        lab.ip(client, "addr add 172.30.0.9/24 dev eth0");
        lab.ip(host, "addr add 172.30.0.1/24 dev eth0");
        lab.ip(host, "link add " + BRIDGE + " type bridge");
        lab.ip(host, "addr add 10.255.0.1/24 dev " + BRIDGE);
        lab.ip(host, "link add sv-task type veth peer name eth0 netns " + tasks.getFileName());
        lab.ip(host, "link set sv-task master " + BRIDGE + " up");
        lab.ip(host, "link set " + BRIDGE + " up");
        lab.ip(tasks, "link set eth0 up");
        lab.ip(client, "link set eth0 up");
        lab.ip(host, "link set eth0 up");
        for (int i = 2; i <= 5; i++) {
            lab.ip(tasks, "addr add 10.255.0." + i + "/24 dev eth0");
        }
        lab.ip(tasks, "route add default via 10.255.0.1");
        lab.in(host, "sysctl", "-qw", "net.ipv4.ip_forward=1");
        lab.in(host, "sysctl", "-q", "-e", "-w", "net.bridge.bridge-nf-call-iptables=0", "net.bridge.bridge-nf-call-ip6tables=0");
    }

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable server : servers) {
            server.close();
        }
        if (lab != null) {
            lab.close();
        }
    }

    private static PublishedPort port(Transport transport, boolean local, int... backends) {
        return port(transport, Choice.RANDOM, local, backends);
    }

    private static PublishedPort port(Transport transport, Choice choice, boolean local, int... backends) {
        TreeSet<Backend> all = new TreeSet<>();
        for (int backend : backends) {
            all.add(new Backend("10.255.0." + backend, SERVER, local));
        }
        return new PublishedPort(transport, 80, all, choice);
    }

    private void publish(PublishedPort port, PublishedPort... others) {
        List<PublishedPort> ports = new ArrayList<>(List.of(others));
        ports.add(port);
        balancer.host(new HostNetworks(List.of(new HostNetworks.Network(BRIDGE, "10.255.0.0/24", false)),
            Optional.of(new HostNetworks.Ingress(BRIDGE, "10.255.0.1")), ports), HostNetworks.NONE);
    }

    /** Services that come and go, so that the map of ports grows and shrinks. */
    private static PublishedPort[] others(int count) {
        PublishedPort[] ports = new PublishedPort[count];
        for (int i = 0; i < count; i++) {
            ports[i] = new PublishedPort(Transport.TCP, 1_000 + i, new TreeSet<>(List.of(new Backend("10.255.0.9", SERVER, false))), Choice.RANDOM);
        }
        return ports;
    }

    /** Says its own address and the client's to each that connects. */
    private void serve(int number, int port) throws IOException {
        serve(number, "10.255.0." + number, port);
    }

    private void serve(int number, String address, int port) throws IOException {
        serve(tasks, number, address, port);
    }

    private void serve(Path namespace, int number, String address, int port) throws IOException {
        ServerSocket server = NetNs.at(namespace).call(() -> new ServerSocket(port, 200, InetAddress.getByName(address)));
        servers.add(server);
        Thread thread = new Thread(() -> {
            while (!server.isClosed()) {
                try (Socket socket = server.accept()) {
                    socket.getOutputStream().write((number + " " + socket.getInetAddress().getHostAddress()).getBytes(StandardCharsets.UTF_8));
                } catch (IOException closedOrReset) {
                    continue;
                }
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    private static String ask(Path from, String address) throws IOException {
        return ask(from, address.contains(":") ? "::" : "0.0.0.0", address);
    }

    private static String ask(Path from, String own, String address) throws IOException {
        return NetNs.at(from).call(() -> {
            try (Socket socket = new Socket()) {
                socket.bind(new InetSocketAddress(InetAddress.getByName(own), 0));
                socket.connect(new InetSocketAddress(InetAddress.getByName(address), 80), 900); // less than a lost SYN takes
                socket.setSoTimeout(20_000);
                return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            }
        });
    }

    private static TreeSet<String> answers(Path from, String address, int times) throws IOException {
        TreeSet<String> answers = new TreeSet<>();
        for (int i = 0; i < times; i++) {
            answers.add(ask(from, address));
        }
        return answers;
    }

    @Test
    void aLocalTaskSeesTheClientAndARemoteOneThisHost() throws IOException {
        serve(2, SERVER);
        serve(3, SERVER);
        publish(port(Transport.TCP, true, 2, 3));
        assertEquals(new TreeSet<>(List.of("2 172.30.0.9", "3 172.30.0.9")), answers(client, "172.30.0.1", 30));
        publish(port(Transport.TCP, false, 2));
        assertEquals(new TreeSet<>(List.of("2 10.255.0.1")), answers(client, "172.30.0.1", 5));
        assertEquals(new TreeSet<>(List.of("2 10.255.0.1")), answers(host, "127.0.0.1", 5), "from the host itself, too");
        assertEquals(new TreeSet<>(List.of("2 10.255.0.1")), answers(tasks, "172.30.0.1", 5), "and from a container of it, even itself");
    }

    /** {@code route_localnet}, which {@code 127.0.0.1:PORT} needs, opens the host's loopback to containers that route it there; the rules close it. */
    @Test
    void aContainerDoesNotReachTheHostsLoopback() throws IOException {
        publish(port(Transport.TCP, true, 2));
        serve(host, 9, "127.0.0.1", 80);
        lab.ip(tasks, "addr flush dev lo");
        lab.ip(tasks, "route add 127.0.0.1 via 10.255.0.1");
        lab.in(tasks, "sysctl", "-qw", "net.ipv4.conf.eth0.route_localnet=1");
        assertThrows(SocketTimeoutException.class, () -> ask(tasks, "10.255.0.2", "127.0.0.1"));
        balancer.remove();
        assertEquals("9 10.255.0.2", ask(tasks, "10.255.0.2", "127.0.0.1"), "nothing but the rules was in the way");
    }

    /** The same host with the other family beside it. */
    private void publishIpv6(PublishedPort port, Choice choice, boolean local, int... backends) {
        TreeSet<Backend> all = new TreeSet<>();
        for (int backend : backends) {
            all.add(new Backend("fd00:ff::" + backend, SERVER, local));
        }
        balancer.host(new HostNetworks(List.of(new HostNetworks.Network(BRIDGE, "10.255.0.0/24", false)),
                Optional.of(new HostNetworks.Ingress(BRIDGE, "10.255.0.1")), List.of(port)),
            new HostNetworks(List.of(new HostNetworks.Network(BRIDGE, "fd00:ff::/64", false)), Optional.of(new HostNetworks.Ingress(BRIDGE, "fd00:ff::1")),
                List.of(new PublishedPort(Transport.TCP, 80, all, choice))));
    }

    /** The plain links of this lab search for duplicates of their link-local addresses for a second, and answer nobody meanwhile. */
    private void awaitNeighbours(String address) throws IOException {
        for (int i = 0; ; i++) {
            try {
                ask(client, address);
                return;
            } catch (SocketTimeoutException e) {
                if (i == 5) {
                    throw e;
                }
            }
        }
    }

    @Test
    void ipv6HasTheSameRules() throws IOException {
        assumeTrue(balancer.missingForIpv6().isEmpty(), () -> "this kernel lacks " + balancer.missingForIpv6());
        lab.ip(client, "addr add fd00:30::9/64 dev eth0 nodad");
        lab.ip(host, "addr add fd00:30::1/64 dev eth0 nodad");
        lab.ip(host, "addr add fd00:ff::1/64 dev " + BRIDGE + " nodad");
        for (int i = 2; i <= 4; i++) {
            lab.ip(tasks, "addr add fd00:ff::" + i + "/64 dev eth0 nodad");
            serve(i, "fd00:ff::" + i, SERVER);
        }
        lab.ip(tasks, "route add default via fd00:ff::1");
        serve(2, SERVER);
        PublishedPort ipv4 = port(Transport.TCP, true, 2);
        publishIpv6(ipv4, Choice.RANDOM, true, 2, 3);
        awaitNeighbours("fd00:30::1");
        String seen = "fd00:30:0:0:0:0:0:9";
        assertEquals(new TreeSet<>(List.of("2 " + seen, "3 " + seen)), answers(client, "fd00:30::1", 30), "local tasks see the client");
        assertEquals(new TreeSet<>(List.of("2 172.30.0.9")), answers(client, "172.30.0.1", 3), "IPv4 beside it");
        assertEquals(List.of("fd00:30::1 4790", "fd00:30::9 4790"), tracked(Family.IPV6, "fd00:30::9", "fd00:30::1"), "tunnels are not tracked");
        publishIpv6(ipv4, Choice.RANDOM, false, 3);
        assertEquals(new TreeSet<>(List.of("3 fd00:ff:0:0:0:0:0:1")), answers(client, "fd00:30::1", 3), "a remote one sees this host");
        assertEquals(new TreeSet<>(List.of("3 fd00:ff:0:0:0:0:0:1")), answers(host, "fd00:30::1", 3), "from the host itself, too");
        assertEquals(new TreeSet<>(List.of("3 fd00:ff:0:0:0:0:0:1")), answers(tasks, "fd00:30::1", 3), "and from a container of it");
        publishIpv6(ipv4, Choice.BY_CLIENT, true, 2, 3, 4);
        assertEquals(1, answers(client, "fd00:30::1", 20).size(), "a client that stays with a task");
        String rules = lab.in(host, "nft", "list", "table", "ip6", "starling");
        publishIpv6(ipv4, Choice.BY_CLIENT, true, 2, 3, 4);
        assertEquals(rules, lab.in(host, "nft", "list", "table", "ip6", "starling"));
        assertTrue(rules.contains("masquerade") && rules.contains("jhash ip6 saddr mod 256"), rules);
        publish(ipv4);
        assertTrue(lab.in(host, "nft", "list", "ruleset").lines().noneMatch(line -> line.startsWith("\tchain") && line.contains("ip6")));
        assertEquals("", lab.in(host, "nft", "list", "table", "ip6", "starling").replaceAll("table ip6 starling|[{}\\s]", ""), "nothing of IPv6 without a network of it");
        balancer.remove();
    }

    @Test
    void aClientStaysWithItsBackendWhileOthersComeAndGo() throws IOException {
        assumeTrue(balancer.missingForAffinity().isEmpty(), () -> "this kernel lacks " + balancer.missingForAffinity());
        for (int i = 2; i <= 5; i++) {
            serve(i, SERVER);
        }
        for (int i = 10; i < 34; i++) {
            lab.ip(client, "addr add 172.30.0." + i + "/24 dev eth0");
        }
        publish(port(Transport.TCP, Choice.BY_CLIENT, true, 2, 3, 4));
        Map<Integer, String> three = backendOfEachClient();
        assertEquals(3, new TreeSet<>(three.values()).size(), "24 clients are not all given to one: " + three);
        assertEquals(three, backendOfEachClient(), "the same again");
        publish(port(Transport.TCP, Choice.BY_CLIENT, true, 2, 3, 4, 5));
        Map<Integer, String> four = backendOfEachClient();
        four.forEach((client, backend) -> assertTrue(backend.equals("5") || backend.equals(three.get(client)), client + ": " + three + " then " + four));
        publish(port(Transport.TCP, Choice.BY_CLIENT, true, 2, 4, 5));
        backendOfEachClient().forEach((client, backend) -> assertTrue(backend.equals(four.get(client)) || four.get(client).equals("3"),
            client + " moved though its backend stays"));
    }

    private Map<Integer, String> backendOfEachClient() throws IOException {
        Map<Integer, String> backends = new TreeMap<>();
        for (int i = 10; i < 34; i++) {
            String said = ask(client, "172.30.0." + i, "172.30.0.1");
            assertTrue(said.endsWith(" 172.30.0." + i), said);
            backends.put(i, said.substring(0, said.indexOf(' ')));
        }
        return backends;
    }

    @Test
    void containersReachTheOutsideByTheHostsAddress() throws IOException {
        publish(port(Transport.TCP, true, 2));
        ServerSocket outside = NetNs.at(client).call(() -> new ServerSocket(80, 10, InetAddress.getByName("172.30.0.9")));
        servers.add(outside);
        Thread thread = new Thread(() -> {
            try (Socket socket = outside.accept()) {
                socket.getOutputStream().write(socket.getInetAddress().getHostAddress().getBytes(StandardCharsets.UTF_8));
            } catch (IOException closed) {
                return;
            }
        });
        thread.setDaemon(true);
        thread.start();
        assertEquals("172.30.0.1", ask(tasks, "172.30.0.9"));
    }

    @Test
    void noConnectionIsLostWhileBackendsChange() throws Exception {
        noneIsLost(Choice.RANDOM);
    }

    @Test
    void norWhereTheClientsAddressChooses() throws Exception {
        noneIsLost(Choice.BY_CLIENT);
    }

    private void noneIsLost(Choice choice) throws Exception {
        for (int i = 2; i <= 5; i++) {
            serve(i, SERVER);
        }
        publish(port(Transport.TCP, choice, true, 2, 3, 4, 5));
        int[][] sets = {{2, 3}, {2}, {3, 4, 5}, {5}, {2, 3, 4, 5}, {4, 5}};
        List<Throwable> failures = Collections.synchronizedList(new ArrayList<>());
        AtomicBoolean done = new AtomicBoolean();
        AtomicInteger connections = new AtomicInteger();
        Thread load = new Thread(() -> NetNs.at(client).call(() -> {
            while (!done.get()) {
                try (Socket socket = new Socket()) {
                    socket.connect(new InetSocketAddress(InetAddress.getByName("172.30.0.1"), 80), 900);
                    socket.setSoTimeout(20_000);
                    assertTrue(socket.getInputStream().readAllBytes().length > 0, "an empty answer");
                    connections.incrementAndGet();
                } catch (IOException | AssertionError e) {
                    failures.add(e);
                }
            }
            return null;
        }));
        load.start();
        for (int i = 0; i < UPDATES || connections.get() <= 20 && failures.isEmpty(); i++) {
            publish(port(Transport.TCP, choice, true, sets[i % sets.length]), others(i % 40));
        }
        done.set(true);
        load.join();
        System.out.printf("%d connections during %d changes of the backends%n", connections.get(), UPDATES);
        assertEquals(List.of(), failures);
    }

    @Test
    void aUdpFlowLeavesABackendThatIsGone() throws Exception {
        for (int number : new int[] {2, 3}) {
            DatagramSocket server = NetNs.at(tasks).call(() -> new DatagramSocket(SERVER, InetAddress.getByName("10.255.0." + number)));
            servers.add(server);
            Thread thread = new Thread(() -> {
                byte[] text = Integer.toString(number).getBytes(StandardCharsets.UTF_8);
                DatagramPacket packet = new DatagramPacket(new byte[100], 100);
                while (!server.isClosed()) {
                    try {
                        server.receive(packet);
                        server.send(new DatagramPacket(text, text.length, packet.getSocketAddress()));
                    } catch (IOException closed) {
                        return;
                    }
                }
            });
            thread.setDaemon(true);
            thread.start();
        }
        try (DatagramSocket socket = NetNs.at(client).call(() -> new DatagramSocket())) {
            socket.setSoTimeout(20_000);
            publish(port(Transport.UDP, true, 2));
            assertEquals("2", ask(socket));
            assertTrue(ConntrackFlows.list(NetNs.at(host), Family.IPV4).stream().anyMatch(flow -> flow.answeredBy().equals("10.255.0.2") && flow.destinationPort() == 80));
            PublishedPort three = port(Transport.UDP, true, 3);
            publish(new PublishedPort(three.transport(), three.port(), three.backends(), new TreeSet<>(List.of("10.255.0.2")), three.choice()));
            assertEquals("2", ask(socket), "one that is given nothing new keeps its flows");
            publish(three);
            assertEquals("3", ask(socket), "the same flow");
        }
    }

    @Test
    void connectionsThatHaveEndedAreSoonForgottenUnlessAUserSaysOtherwise() {
        publish(port(Transport.TCP, true, 2));
        assertEquals("10", secondsAfterTheEnd(host));
        lab.in(host, "sysctl", "-qw", "net.netfilter.nf_conntrack_tcp_timeout_time_wait=60");
        publish(port(Transport.TCP, true, 3));
        assertEquals("60", secondsAfterTheEnd(host));
        balancer.container("task1", client, new TreeMap<>(Map.of("10.255.0.200", new VirtualService(new TreeSet<>(List.of("10.255.0.2")), Choice.RANDOM))));
        assertEquals("10", secondsAfterTheEnd(client));
        assertEquals("120", secondsAfterTheEnd(tasks), "a namespace without rules of ours");
    }

    private String secondsAfterTheEnd(Path namespace) {
        return lab.in(namespace, "sysctl", "-n", "net.netfilter.nf_conntrack_tcp_timeout_time_wait").strip();
    }

    @Test
    void tunnelsBetweenHostsAreNotTracked() throws IOException {
        publish(port(Transport.TCP, true, 2));
        assertEquals(List.of("172.30.0.1 4790", "172.30.0.9 4790"), tracked(Family.IPV4, "172.30.0.9", "172.30.0.1"));
    }

    /** Of packets both ways to the ports of tunnels, and to another. */
    private List<String> tracked(Family family, String ofClient, String ofHost) throws IOException {
        try (DatagramSocket there = NetNs.at(client).call(() -> new DatagramSocket(6_000, InetAddress.getByName(ofClient)));
                DatagramSocket here = NetNs.at(host).call(() -> new DatagramSocket(6_000, InetAddress.getByName(ofHost)))) {
            for (int port : new int[] {4789, 7947, 4790}) { // the last one is tracked, so by then the others would have been
                there.send(new DatagramPacket(new byte[] {1}, 1, InetAddress.getByName(ofHost), port));
                here.send(new DatagramPacket(new byte[] {1}, 1, InetAddress.getByName(ofClient), port));
            }
        }
        return ConntrackFlows.list(NetNs.at(host), family).stream().filter(flow -> flow.sourcePort() == 6_000)
            .map(flow -> flow.source() + " " + flow.destinationPort()).sorted().toList();
    }

    private static String ask(DatagramSocket socket) throws IOException {
        socket.send(new DatagramPacket(new byte[] {1}, 1, new InetSocketAddress(InetAddress.getByName("172.30.0.1"), 80)));
        DatagramPacket answer = new DatagramPacket(new byte[100], 100);
        socket.receive(answer);
        return new String(answer.getData(), 0, answer.getLength(), StandardCharsets.UTF_8);
    }

    /** Puts the client on the bridge, as a container is. */
    private void clientIsAContainer() {
        lab.ip(client, "link set eth0 down");
        lab.ip(client, "link add eth1 type veth peer name sv-client netns " + host.getFileName());
        lab.ip(host, "link set sv-client master " + BRIDGE + " up");
        lab.ip(client, "addr add 10.255.0.9/24 dev eth1");
        lab.ip(client, "link set eth1 up");
    }

    @Test
    void virtualAddressesOfIpv6HaveTheSameRules() throws IOException {
        assumeTrue(balancer.missingForIpv6().isEmpty(), () -> "this kernel lacks " + balancer.missingForIpv6());
        clientIsAContainer();
        lab.ip(client, "addr add fd00:ff::9/64 dev eth1 nodad");
        for (int i = 2; i <= 3; i++) {
            lab.ip(tasks, "addr add fd00:ff::" + i + "/64 dev eth0 nodad");
            serve(i, "fd00:ff::" + i, 80);
        }
        serve(2, 80);
        SortedMap<String, VirtualService> services = new TreeMap<>();
        services.put("10.255.0.200", new VirtualService(new TreeSet<>(List.of("10.255.0.2")), Choice.RANDOM));
        services.put("fd00:ff::c8", new VirtualService(new TreeSet<>(List.of("fd00:ff::2", "fd00:ff::3")), Choice.RANDOM));
        balancer.container("task1", client, services);
        awaitNeighbours("fd00:ff::c8");
        String seen = " fd00:ff:0:0:0:0:0:9";
        assertEquals(new TreeSet<>(List.of("2" + seen, "3" + seen)), answers(client, "fd00:ff::c8", 30));
        assertEquals(new TreeSet<>(List.of("2 10.255.0.9")), answers(client, "10.255.0.200", 3), "IPv4 beside it");
        services.put("fd00:ff::c8", new VirtualService(new TreeSet<>(List.of("fd00:ff::2", "fd00:ff::3")), Choice.BY_CLIENT));
        balancer.container("task1", client, services);
        assertEquals(1, answers(client, "fd00:ff::c8", 20).size(), "a client that stays with a task");
        services.remove("fd00:ff::c8");
        balancer.container("task1", client, services);
        assertEquals("", lab.in(client, "nft", "list", "table", "ip6", "starling").replaceAll("table ip6 starling|[{}\\s]", ""), "nothing of IPv6 is left");
    }

    @Test
    void aContainerReachesTasksByAVirtualAddressAndTheySeeWhoCalls() throws IOException {
        serve(2, 80); // a virtual address leaves the port as it is
        serve(3, 80);
        clientIsAContainer();
        SortedMap<String, VirtualService> services = new TreeMap<>();
        services.put("10.255.0.200", new VirtualService(new TreeSet<>(List.of("10.255.0.2", "10.255.0.3")), Choice.RANDOM));
        balancer.container("task1", client, services);
        assertEquals(new TreeSet<>(List.of("2 10.255.0.9", "3 10.255.0.9")), answers(client, "10.255.0.200", 30));
        services.put("10.255.0.200", new VirtualService(new TreeSet<>(List.of("10.255.0.3")), Choice.RANDOM));
        balancer.container("task1", client, services);
        assertEquals(new TreeSet<>(List.of("3 10.255.0.9")), answers(client, "10.255.0.200", 10));
        services.put("10.255.0.200", new VirtualService(new TreeSet<>(List.of("10.255.0.2", "10.255.0.3")), Choice.BY_CLIENT));
        balancer.container("task1", client, services);
        assertEquals(1, answers(client, "10.255.0.200", 30).size(), "a client that stays with a task");
    }
}
