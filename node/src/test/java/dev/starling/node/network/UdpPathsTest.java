package dev.starling.node.network;

import static dev.starling.node.Sample.N1;
import static dev.starling.node.Sample.N2;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import dev.starling.netlink.AddressText;
import dev.starling.netlink.Errno;
import dev.starling.netlink.LibC;
import dev.starling.netlink.NetNs;
import dev.starling.netlink.NetlinkException;
import dev.starling.netlink.xfrm.EncapsulationSocket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;

/** Two of them by loopback addresses. */
class UdpPathsTest {
    private static final int PORT = 19_007; // below those of outgoing connections
    private static final Endpoint ONE = new Endpoint("127.45.0.1", PORT);
    private static final Endpoint TWO = new Endpoint("127.45.0.2", PORT);
    private static final Endpoint THREE = new Endpoint("127.45.0.3", PORT);
    private static final Endpoint FOUR = new Endpoint("127.45.0.4", PORT);
    private static final int IPPROTO_UDP = 17;

    @Test
    void twoFindEachOtherAndThePortIsOpenAsLongAsThereIsSomebodyToFind() throws Exception {
        await(() -> openable(ONE) && openable(TWO));
        Semaphore news = new Semaphore(0);
        UdpPaths one = new UdpPaths(() -> open(ONE), new Random(1), news::release);
        UdpPaths two = new UdpPaths(() -> open(TWO), new Random(2), () -> { });
        try {
            one.follow(N1, new TreeMap<>(Map.of(N2, peer(N1, N2, TWO))));
            two.follow(N2, new TreeMap<>(Map.of(N1, peer(N2, N1, ONE))));
            assertTrue(news.tryAcquire(90, TimeUnit.SECONDS));
            await(() -> one.found().equals(Map.of(N2, TWO)) && two.found().equals(Map.of(N1, ONE)));
            assertEquals(Optional.of(ONE), one.seenAs());
            one.follow(N1, Collections.emptySortedMap());
            assertTrue(one.found().isEmpty());
            await(() -> openable(ONE));
        } finally {
            one.close();
            two.close();
        }
    }

    /** Of a datagram that says so nobody could be the sender; anybody can send one. */
    @Test
    void aDatagramFromPortZeroIsNoEnd() throws Exception {
        await(() -> openable(THREE) && openable(FOUR));
        UdpPaths one = new UdpPaths(() -> open(THREE), new Random(1), () -> { });
        UdpPaths two = new UdpPaths(() -> open(FOUR), new Random(2), () -> { });
        try {
            one.follow(N1, new TreeMap<>(Map.of(N2, peer(N1, N2, FOUR))));
            sendFromPortZero(THREE);
            two.follow(N2, new TreeMap<>(Map.of(N1, peer(N2, N1, THREE))));
            await(() -> one.found().equals(Map.of(N2, FOUR)));
        } finally {
            one.close();
            two.close();
        }
    }

    private static void sendFromPortZero(Endpoint to) {
        int raw = LibC.INSTANCE.socket(LibC.AF_INET, LibC.SOCK_RAW | LibC.SOCK_CLOEXEC, IPPROTO_UDP);
        if (raw < 0) {
            abort("needs a raw socket: errno " + LibC.errno());
        }
        byte[] datagram = ByteBuffer.allocate(12).putShort(2, (short) to.port()).putShort(4, (short) 12).array(); // four zeros: not ESP
        byte[] address = ByteBuffer.allocate(16).order(ByteOrder.nativeOrder()).putShort((short) LibC.AF_INET).putShort((short) 0)
                .put(AddressText.ipv4(to.host())).array();
        try {
            assertEquals(datagram.length, LibC.INSTANCE.sendto(raw, datagram, datagram.length, 0, address, address.length));
        } finally {
            LibC.INSTANCE.close(raw);
        }
    }

    private static PathFinder.Peer peer(NodeId own, NodeId other, Endpoint at) {
        return new PathFinder.Peer(List.of(at), List.of(new PathKey("key of " + own, "key of " + other, new byte[PathKey.SECRET_BYTES])));
    }

    private static EncapsulationSocket open(Endpoint at) {
        return EncapsulationSocket.open(NetNs.current(), at.host(), at.port());
    }

    /** Not as long as the thread of an earlier test has it, which looks each half a second whether it has ended. */
    private static boolean openable(Endpoint at) {
        try {
            open(at).close();
            return true;
        } catch (NetlinkException e) {
            return e.errno() == Errno.EADDRINUSE ? false : abort("this kernel takes no ESP inside UDP: " + e.getMessage());
        }
    }

    private static void await(BooleanSupplier condition) throws InterruptedException {
        for (long end = System.nanoTime() + Duration.ofSeconds(90).toNanos(); !condition.getAsBoolean(); Thread.sleep(20)) {
            assertTrue(System.nanoTime() < end, "not within 90 s");
        }
    }
}
