package dev.starling.netlink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.netlink.route.Fdb;
import dev.starling.netlink.route.Link;
import dev.starling.netlink.route.Links;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class NetlinkSocketTest extends NamespaceTest {
    private Path namespace;
    private NetlinkSocket socket;

    @BeforeEach
    void open() {
        namespace = lab.namespace("a");
        socket = NetlinkSocket.openIn(namespace);
    }

    @AfterEach
    void close() {
        if (socket != null) {
            socket.close();
        }
    }

    @Test
    void aSocketStaysInTheNamespaceItWasOpenedIn() {
        socket.execute(device("only-in-a"));
        assertTrue(Links.find(socket, "only-in-a").isPresent());
        try (NetlinkSocket here = NetlinkSocket.open()) {
            assertFalse(Links.find(here, "only-in-a").isPresent());
        }
    }

    @Test
    void anErrorHasOperationErrnoAndTheKernelsWords() {
        socket.execute(device("d0"));
        NetlinkException exists = assertThrows(NetlinkException.class, () -> socket.execute(device("d0")));
        assertEquals(Errno.EEXIST, exists.errno());
        assertEquals("link add d0 type bridge", exists.operation());
        int d0 = Links.find(socket, "d0").orElseThrow().index();
        NetlinkException wordy = assertThrows(NetlinkException.class, () -> socket.execute(Links.master("d0", d0)));
        assertTrue(wordy.getMessage().matches("link set d0 master \\d+: .+: .+ \\(errno \\d+\\)"), wordy.getMessage());
    }

    @Test
    void aBatchGoesOnAfterAFailureAndReportsEachOne() {
        List<Request> requests = Stream.of(device("d0"), Links.up("absent"), device("d1"), device("d0"), device("d2")).toList();
        NetlinkException failure = assertThrows(NetlinkException.class, () -> socket.executeAll(requests));
        assertEquals(Errno.ENODEV, failure.errno());
        assertEquals(List.of(Errno.EEXIST), Stream.of(failure.getSuppressed()).map(e -> ((NetlinkException) e).errno()).toList());
        assertTrue(Links.list(socket).stream().map(Link::name).toList().containsAll(List.of("d0", "d1", "d2")));
    }

    @Test
    void aBatchLargerThanOneSendIsAcknowledgedWhole() {
        lab.ip(namespace, "link add v0 type veth peer name v1");
        socket.executeAll(List.of(Links.addBridge("br0", "02:42:0a:00:00:01", 1450), Links.up("br0")));
        int bridge = Links.find(socket, "br0").orElseThrow().index();
        socket.execute(Links.master("v0", bridge));
        int port = Links.find(socket, "v0").orElseThrow().index();
        List<Request> pins = IntStream.range(0, 1050).mapToObj(i -> Fdb.pin(port, String.format("02:42:0a:01:%02x:%02x", i >> 8, i & 255))).toList();
        socket.executeAll(pins);
        assertEquals(1050, Fdb.list(socket, bridge).stream().filter(entry -> entry.mac().startsWith("02:42:0a:01:")).count());
    }

    @Test
    void toleratedErrorsAreSuccess() {
        socket.execute(Links.up("absent").tolerating(Errno.ENODEV));
        assertThrows(NetlinkException.class, () -> socket.execute(Links.up("absent").tolerating(Errno.EEXIST)));
    }

    @Test
    void aNamespaceThatIsNotThereSaysSo() {
        NetlinkException missing = assertThrows(NetlinkException.class, () -> NetlinkSocket.openIn(Path.of("/run/netns/no-such-namespace")));
        assertEquals(Errno.ENOENT, missing.errno());
        assertTrue(missing.getMessage().contains("no-such-namespace"), missing.getMessage());
    }

    @Test
    void exceptionsOfTheBodyComeBackAsTheyAre() {
        IOException thrown = assertThrows(IOException.class, () -> NetNs.at(namespace).call(() -> {
            throw new IOException("from inside");
        }));
        assertEquals("from inside", thrown.getMessage());
    }

    @Test
    void aClosedSocketSaysSo() {
        socket.close();
        socket.close();
        assertThrows(IllegalStateException.class, () -> Links.list(socket));
    }

    private static Request device(String name) {
        return Links.addBridge(name, "02:42:0a:00:00:01", 1500);
    }
}
