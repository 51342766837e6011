package dev.starling.netlink.xfrm;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.starling.netlink.Errno;
import dev.starling.netlink.NamespaceLab;
import dev.starling.netlink.NetNs;
import dev.starling.netlink.NetlinkException;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class EncapsulationSocketTest {
    @Test
    void whatIsNoEspIsHandedOutWithWhereItCameFrom() {
        try (NamespaceLab lab = NamespaceLab.open()) {
            Path here = lab.namespace("udp");
            lab.ip(here, "link set lo up");
            NetNs namespace = NetNs.at(here);
            try (EncapsulationSocket one = open(namespace, "127.0.0.1"); EncapsulationSocket two = open(namespace, "127.0.0.2")) {
                one.send(new EncapsulationSocket.Datagram("127.0.0.2", 4500, new byte[] {1, 2, 3}));
                EncapsulationSocket.Datagram received = two.receive().orElseThrow();
                assertEquals("127.0.0.1:4500", received.host() + ":" + received.port());
                assertArrayEquals(new byte[] {1, 2, 3}, received.payload());
                two.send(new EncapsulationSocket.Datagram("127.0.0.1", 4500, new byte[EncapsulationSocket.MOST_PAYLOAD + 1]));
                assertEquals(Optional.empty(), one.receive(), "too long");
                assertEquals(Optional.empty(), one.receive(), "nothing came");
                assertEquals(Errno.EADDRINUSE, assertThrows(NetlinkException.class, () -> EncapsulationSocket.open(namespace, "127.0.0.1", 4500)).errno());
                NetlinkException noRoute = assertThrows(NetlinkException.class,
                    () -> one.send(new EncapsulationSocket.Datagram("192.0.2.1", 4500, new byte[1])));
                assertTrue(noRoute.getMessage().contains("192.0.2.1:4500/udp"), noRoute.getMessage());
            }
            open(namespace, "127.0.0.1").close();
        }
    }

    private static EncapsulationSocket open(NetNs namespace, String address) {
        try {
            return EncapsulationSocket.open(namespace, address, 4500);
        } catch (NetlinkException e) {
            return abort("this kernel takes no ESP inside UDP: " + e.getMessage());
        }
    }
}
