package dev.starling.node.dns;

import static dev.starling.node.dns.QueryBytes.A;
import static dev.starling.node.dns.QueryBytes.AAAA;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.FreePort;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.BindException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Hashtable;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeSet;
import java.util.stream.IntStream;
import javax.naming.NamingEnumeration;
import javax.naming.NamingException;
import javax.naming.directory.Attribute;
import javax.naming.directory.InitialDirContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Over real sockets on loopback addresses, asked by hand-written packets and by the JDK's own DNS client. */
class DnsServerTest {
    private static final String GATEWAY = "127.0.0.81";
    private static final String OTHER_GATEWAY = "127.0.0.82";
    private static final List<String> MANY = IntStream.rangeClosed(1, 120).mapToObj(i -> "10.0.1." + i).toList();
    private static final NameTable TABLE = NameTable.of(
        Map.of("front", Map.of("web", List.of("10.0.1.9"), "tasks.web", List.of("10.0.1.2", "10.0.1.3"), "tasks.many", MANY),
            "back", Map.of("web", List.of("10.0.2.9"))), Map.of());

    private final List<InetSocketAddress> upstreams = Collections.synchronizedList(new ArrayList<>());
    private final List<AutoCloseable> resources = new ArrayList<>();
    private int port;
    private DnsServer server;

    @BeforeEach
    void start() {
        listen(Duration.ofMinutes(1));
    }

    /** @param upstreamPatience longer than any answer takes on a busy machine, or so short that a test can wait for its end */
    private void listen(Duration upstreamPatience) {
        port = FreePort.of(GATEWAY);
        server = new DnsServer(new DnsConfig(port, Duration.ofSeconds(2), () -> List.copyOf(upstreams), upstreamPatience, 4, 2, Duration.ofSeconds(10)));
        resources.add(server);
        server.update(TABLE);
        server.listen("front", GATEWAY);
    }

    @AfterEach
    void stop() throws Exception {
        Collections.reverse(resources);
        for (AutoCloseable resource : resources) {
            resource.close();
        }
    }

    @Test
    void aServiceResolvesWithAShortTimeToLive() throws IOException {
        byte[] query = QueryBytes.query(0x1234, "wEb", A);
        byte[] answer = udp(GATEWAY, query);
        assertEquals(0x1234, QueryBytes.number(answer, 0));
        assertArrayEquals(Arrays.copyOfRange(query, 12, query.length), Arrays.copyOfRange(answer, 12, query.length), "the question comes back in its own case");
        assertEquals(2, QueryBytes.number(answer, answer.length - 8), "seconds");
        assertArrayEquals(new byte[] {10, 0, 1, 9}, Arrays.copyOfRange(answer, answer.length - 4, answer.length));
    }

    @Test
    void theClientOfTheJdkUnderstandsUs() throws NamingException {
        assertEquals(new TreeSet<>(List.of("10.0.1.9")), jdkLookup("web"));
        assertEquals(new TreeSet<>(List.of("10.0.1.2", "10.0.1.3")), jdkLookup("tasks.web"));
        assertEquals(new TreeSet<>(MANY), jdkLookup("tasks.many"), "truncated by UDP, whole by TCP");
        assertThrows(javax.naming.NameNotFoundException.class, () -> jdkLookup("nobody"));
    }

    @Test
    void ipv6QuestionsForKnownNamesAreEmptyWithoutError() throws IOException {
        byte[] answer = udp(GATEWAY, QueryBytes.query(1, "web", AAAA));
        assertEquals(List.of(0, 0), List.of(QueryBytes.responseCode(answer), QueryBytes.number(answer, 6)));
        assertEquals(3, QueryBytes.responseCode(udp(GATEWAY, QueryBytes.query(1, "nobody", AAAA))));
    }

    @Test
    void longAnswersAreCutByUdpAndWholeByTcp() throws IOException {
        byte[] classic = udp(GATEWAY, QueryBytes.query(1, "tasks.many", A));
        assertTrue(classic.length <= 512 && QueryBytes.truncated(classic) && QueryBytes.number(classic, 6) > 0);
        byte[] extended = udp(GATEWAY, QueryBytes.query(1, "tasks.many", A, 4096));
        assertTrue(extended.length <= 1232 && QueryBytes.number(extended, 6) > QueryBytes.number(classic, 6));
        byte[] whole = tcp(QueryBytes.query(1, "tasks.many", A));
        assertEquals(120, QueryBytes.number(whole, 6));
        assertFalse(QueryBytes.truncated(whole));
    }

    @Test
    void networksAnswerForThemselves() throws IOException {
        server.listen("back", OTHER_GATEWAY);
        assertEquals("10.0.2.9", lastAddress(udp(OTHER_GATEWAY, QueryBytes.query(1, "web", A))));
        assertEquals("10.0.1.9", lastAddress(udp(GATEWAY, QueryBytes.query(1, "web", A))));
        server.close("back");
        server.close("back");
        assertPortIsFree(OTHER_GATEWAY);
        assertEquals("10.0.1.9", lastAddress(udp(GATEWAY, QueryBytes.query(1, "web", A))));
    }

    @Test
    void aNewTableIsUsedAtOnce() throws IOException {
        server.update(NameTable.of(Map.of("front", Map.of("web", List.of("10.0.1.77"))), Map.of()));
        assertEquals("10.0.1.77", lastAddress(udp(GATEWAY, QueryBytes.query(1, "web", A))));
    }

    @Test
    void listeningAgainIsFineAndMovesWithTheGateway() throws IOException {
        server.listen("front", GATEWAY);
        server.listen("front", OTHER_GATEWAY);
        assertEquals("10.0.1.9", lastAddress(udp(OTHER_GATEWAY, QueryBytes.query(1, "web", A))));
        assertPortIsFree(GATEWAY);
    }

    @Test
    void aTakenPortAndAMissingAddressAreNamed() throws IOException {
        try (DatagramSocket taken = new DatagramSocket(new InetSocketAddress(OTHER_GATEWAY, port))) {
            DnsListenException udp = assertThrows(DnsListenException.class, () -> server.listen("back", OTHER_GATEWAY));
            assertTrue(udp.getMessage().contains("back") && udp.getMessage().contains("UDP " + OTHER_GATEWAY + ":" + port) && udp.getMessage().contains("in use"), udp.getMessage());
            assertTrue(taken.isBound());
        }
        try (ServerSocket taken = new ServerSocket(port, 1, InetAddress.getByName(OTHER_GATEWAY))) {
            assertTrue(assertThrows(DnsListenException.class, () -> server.listen("back", OTHER_GATEWAY)).getMessage().contains("TCP"));
            assertTrue(taken.isBound());
        }
        server.listen("back", OTHER_GATEWAY);
        assertTrue(assertThrows(DnsListenException.class, () -> server.listen("third", "192.0.2.7")).getMessage().contains("192.0.2.7"));
    }

    @Test
    void otherNamesAreRelayedAsTheyAre() throws IOException {
        upstream((query, tcp) -> QueryBytes.answer(query, 93, 184, 216, tcp ? 2 : 1));
        byte[] answer = udp(GATEWAY, QueryBytes.query(0x4321, "Example.org", A, 1232));
        assertEquals("93.184.216.1", lastAddress(answer));
        assertEquals(0x4321, QueryBytes.number(answer, 0));
        assertEquals("93.184.216.2", lastAddress(tcp(QueryBytes.query(1, "example.org", A))));
        assertEquals(2, server.counters().forwarded());
    }

    @Test
    void aSilentResolverIsPassedOver() throws IOException {
        listen(Duration.ofSeconds(1));
        upstream((query, tcp) -> null);
        upstream((query, tcp) -> QueryBytes.answer(query, 192, 0, 2, 5));
        assertEquals("192.0.2.5", lastAddress(udp(GATEWAY, QueryBytes.query(1, "example.org", A))));
    }

    @Test
    void forgedAnswersAreNotTaken() throws IOException {
        listen(Duration.ofMillis(300));
        upstream((query, tcp) -> {
            byte[] forged = QueryBytes.answer(query, 6, 6, 6, 6);
            forged[1] ^= 1;
            return forged;
        });
        assertEquals(2, QueryBytes.responseCode(udp(GATEWAY, QueryBytes.query(1, "example.org", A))));
    }

    @Test
    void withoutAResolverTheServerSaysServfail() throws IOException {
        assertEquals(2, QueryBytes.responseCode(udp(GATEWAY, QueryBytes.query(1, "example.org", A))), "none configured");
        upstreams.add(new InetSocketAddress(GATEWAY, port));
        assertEquals(2, QueryBytes.responseCode(udp(GATEWAY, QueryBytes.query(1, "example.org", A))), "only ourselves");
        assertEquals(2, server.counters().failed());
    }

    @Test
    void moreThanTheBoundAreRefusedAtOnce() throws IOException {
        upstream((query, tcp) -> null);
        try (DatagramSocket client = new DatagramSocket()) {
            client.setSoTimeout(30_000);
            for (int i = 0; i < 5; i++) {
                client.send(packet(GATEWAY, QueryBytes.query(i, "example.org", A)));
            }
            byte[] first = receive(client);
            assertEquals(List.of(4, 2), List.of(QueryBytes.number(first, 0), QueryBytes.responseCode(first)), "the fifth of four");
        }
    }

    @Test
    void garbageIsCountedAndTheServerLives() throws IOException {
        Random random = new Random(42);
        int garbage = 300;
        try (DatagramSocket client = new DatagramSocket()) {
            for (int i = 0; i < garbage; i++) {
                byte[] bytes = new byte[random.nextInt(100)];
                random.nextBytes(bytes);
                if (bytes.length > 2) {
                    bytes[2] |= (byte) 0x80; // "a response": never answered
                }
                client.send(packet(GATEWAY, bytes));
                if (i % 20 == 19) {
                    assertEquals("10.0.1.9", lastAddress(udp(GATEWAY, QueryBytes.query(1, "web", A))));
                }
            }
        }
        assertEquals(garbage, server.counters().malformed());
        assertEquals(garbage / 20, server.counters().answered());
    }

    @Test
    void tcpClientsBeyondTheBoundAreClosed() throws IOException {
        try (Socket first = new Socket(GATEWAY, port); Socket second = new Socket(GATEWAY, port)) {
            assertEquals("10.0.1.9", lastAddress(exchange(first, QueryBytes.query(1, "web", A))));
            assertEquals("10.0.1.9", lastAddress(exchange(second, QueryBytes.query(1, "web", A))));
            try (Socket third = new Socket(GATEWAY, port)) {
                third.setSoTimeout(30_000);
                assertEquals(-1, third.getInputStream().read());
            }
            assertEquals("10.0.1.9", lastAddress(exchange(first, QueryBytes.query(2, "web", A))), "several queries by one connection");
        }
    }

    private interface Behaviour {
        /** @return the answer, or null for none */
        byte[] answer(byte[] query, boolean tcp);
    }

    /** A resolver that does what the test says, by UDP and TCP on one port. */
    private void upstream(Behaviour behaviour) throws IOException {
        ServerSocket tcp = new ServerSocket(FreePort.ofLoopback(), 10, InetAddress.getByName("127.0.0.1"));
        resources.add(tcp);
        DatagramSocket udp = new DatagramSocket(new InetSocketAddress("127.0.0.1", tcp.getLocalPort()));
        resources.add(udp);
        upstreams.add(new InetSocketAddress("127.0.0.1", tcp.getLocalPort()));
        daemon(() -> {
            while (true) {
                DatagramPacket packet = new DatagramPacket(new byte[1500], 1500);
                udp.receive(packet);
                byte[] answer = behaviour.answer(Arrays.copyOf(packet.getData(), packet.getLength()), false);
                if (answer != null) {
                    udp.send(new DatagramPacket(answer, answer.length, packet.getSocketAddress()));
                }
            }
        });
        daemon(() -> {
            while (true) {
                try (Socket client = tcp.accept()) {
                    byte[] query = new byte[new DataInputStream(client.getInputStream()).readUnsignedShort()];
                    client.getInputStream().readNBytes(query, 0, query.length);
                    byte[] answer = behaviour.answer(query, true);
                    DataOutputStream out = new DataOutputStream(client.getOutputStream());
                    out.writeShort(answer.length);
                    out.write(answer);
                }
            }
        });
    }

    private interface Loop {
        void run() throws IOException;
    }

    private static void daemon(Loop loop) {
        Thread thread = new Thread(() -> {
            try {
                loop.run();
            } catch (IOException closedByTheTest) {
                // the end of the loop
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    private byte[] udp(String gateway, byte[] query) throws IOException {
        try (DatagramSocket client = new DatagramSocket()) {
            client.connect(new InetSocketAddress(gateway, port)); // so that "port unreachable" is an exception
            client.setSoTimeout(30_000);
            client.send(new DatagramPacket(query, query.length));
            return receive(client);
        }
    }

    /** Closing takes effect with the event loop's next turn. */
    private void assertPortIsFree(String gateway) throws IOException {
        long deadline = System.nanoTime() + Duration.ofSeconds(30).toNanos();
        while (true) {
            try (DatagramSocket udp = new DatagramSocket(new InetSocketAddress(gateway, port)); ServerSocket tcp = new ServerSocket(port, 1, InetAddress.getByName(gateway))) {
                assertTrue(udp.isBound() && tcp.isBound());
                return;
            } catch (BindException e) {
                assertTrue(System.nanoTime() < deadline, () -> "still in use: " + e);
            }
        }
    }

    private DatagramPacket packet(String gateway, byte[] bytes) {
        return new DatagramPacket(bytes, bytes.length, new InetSocketAddress(gateway, port));
    }

    private static byte[] receive(DatagramSocket client) throws SocketTimeoutException, IOException {
        DatagramPacket packet = new DatagramPacket(new byte[4096], 4096);
        client.receive(packet);
        return Arrays.copyOf(packet.getData(), packet.getLength());
    }

    private byte[] tcp(byte[] query) throws IOException {
        try (Socket client = new Socket(GATEWAY, port)) {
            return exchange(client, query);
        }
    }

    private static byte[] exchange(Socket client, byte[] query) throws IOException {
        client.setSoTimeout(30_000);
        DataOutputStream out = new DataOutputStream(client.getOutputStream());
        out.writeShort(query.length);
        out.write(query);
        out.flush();
        DataInputStream in = new DataInputStream(client.getInputStream());
        return in.readNBytes(in.readUnsignedShort());
    }

    private TreeSet<String> jdkLookup(String name) throws NamingException {
        Hashtable<String, String> settings = new Hashtable<>();
        settings.put("java.naming.factory.initial", "com.sun.jndi.dns.DnsContextFactory");
        settings.put("java.naming.provider.url", "dns://" + GATEWAY + ":" + port);
        InitialDirContext context = new InitialDirContext(settings);
        try {
            Attribute found = context.getAttributes(name, new String[] {"A"}).get("A");
            TreeSet<String> addresses = new TreeSet<>();
            NamingEnumeration<?> values = found.getAll();
            while (values.hasMore()) {
                addresses.add((String) values.next());
            }
            return addresses;
        } finally {
            context.close();
        }
    }

    private static String lastAddress(byte[] answer) {
        int at = answer.length - 4;
        return (answer[at] & 0xff) + "." + (answer[at + 1] & 0xff) + "." + (answer[at + 2] & 0xff) + "." + (answer[at + 3] & 0xff);
    }
}
