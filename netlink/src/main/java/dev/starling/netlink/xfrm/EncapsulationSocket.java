package dev.starling.netlink.xfrm;

import dev.starling.netlink.AddressText;
import dev.starling.netlink.Errno;
import dev.starling.netlink.LibC;
import dev.starling.netlink.NetNs;
import dev.starling.netlink.NetlinkException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Optional;

/**
 * The UDP port by which this host takes in ESP (RFC 3948): as long as this socket is open, the kernel takes what comes to it for ESP, and hands out only what begins with
 * four bytes of zero, where ESP would have its SPI. So nodes can talk to each other by the very path, through the very mappings of NAT, that their ESP takes.
 */
public final class EncapsulationSocket implements AutoCloseable {
    /** @param payload without the four bytes */
    public record Datagram(String host, int port, byte[] payload) {}

    public static final int MOST_PAYLOAD = 512;
    private static final int MARKER = 4;
    private static final int SOCKADDR_IN = 16; // struct sockaddr_in { u16 sin_family; be16 sin_port; be32 sin_addr; u8 zero[8]; };
    private static final int UDP_ENCAP_ESPINUDP = 2;
    private static final int WAIT_MILLIS = 500;

    private final int descriptor;
    private final ByteBuffer received = ByteBuffer.allocateDirect(MARKER + MOST_PAYLOAD);

    private EncapsulationSocket(int descriptor) {
        this.descriptor = descriptor;
    }

    /** @throws NetlinkException with EADDRINUSE where a process has the port (an IKE daemon, say), or what the kernel says */
    public static EncapsulationSocket open(NetNs namespace, String address, int port) {
        return namespace.call(() -> open(address, port));
    }

    private static EncapsulationSocket open(String address, int port) {
        String operation = "bind " + address + ":" + port + "/udp for ESP";
        int descriptor = LibC.INSTANCE.socket(LibC.AF_INET, LibC.SOCK_DGRAM | LibC.SOCK_CLOEXEC, 0);
        if (descriptor < 0) {
            throw LibC.failure(operation);
        }
        byte[] endpoint = sockaddr(address, port);
        ByteBuffer timeout = jnr.ffi.Runtime.getSystemRuntime().addressSize() == 8 // struct timeval has two C longs
            ? nativeBuffer(16).putLong(0).putLong(WAIT_MILLIS * 1000L) : nativeBuffer(8).putInt(0).putInt(WAIT_MILLIS * 1000);
        byte[] encapsulation = nativeBuffer(4).putInt(UDP_ENCAP_ESPINUDP).array();
        if (LibC.INSTANCE.bind(descriptor, endpoint, endpoint.length) != 0
                || LibC.INSTANCE.setsockopt(descriptor, LibC.SOL_SOCKET, LibC.SO_RCVTIMEO, timeout.array(), timeout.capacity()) != 0
                || LibC.INSTANCE.setsockopt(descriptor, LibC.SOL_UDP, LibC.UDP_ENCAP, encapsulation, encapsulation.length) != 0) {
            NetlinkException failure = LibC.failure(operation);
            LibC.INSTANCE.close(descriptor);
            throw failure;
        }
        return new EncapsulationSocket(descriptor);
    }

    /** @throws NetlinkException what the kernel says: no route, say */
    public void send(Datagram datagram) {
        byte[] message = new byte[MARKER + datagram.payload().length];
        System.arraycopy(datagram.payload(), 0, message, MARKER, datagram.payload().length);
        byte[] to = sockaddr(datagram.host(), datagram.port());
        if (LibC.INSTANCE.sendto(descriptor, message, message.length, 0, to, to.length) != message.length) {
            throw LibC.failure("send to " + datagram.host() + ":" + datagram.port() + "/udp");
        }
    }

    /** By one thread. Waits {@value #WAIT_MILLIS} ms; empty also for what is not for us, comes from no port, or is longer than {@value #MOST_PAYLOAD} bytes. */
    public Optional<Datagram> receive() {
        received.clear();
        byte[] from = new byte[SOCKADDR_IN];
        byte[] fromLength = nativeBuffer(4).putInt(SOCKADDR_IN).array();
        long length = LibC.INSTANCE.recvfrom(descriptor, received, received.capacity(), LibC.MSG_TRUNC, from, fromLength);
        if (length < 0) {
            int errno = LibC.errno();
            if (errno == Errno.EAGAIN || errno == Errno.EINTR) {
                return Optional.empty();
            }
            throw LibC.failure("receive ESP's UDP port");
        }
        if (length < MARKER || length > received.capacity() || received.getInt(0) != 0) {
            return Optional.empty();
        }
        int port = (from[2] & 0xff) << 8 | from[3] & 0xff;
        if (port == 0) {
            return Optional.empty(); // nobody can be answered there
        }
        byte[] payload = new byte[(int) length - MARKER];
        received.position(MARKER);
        received.get(payload);
        return Optional.of(new Datagram(AddressText.ipv4(Arrays.copyOfRange(from, 4, 8)), port, payload));
    }

    private static byte[] sockaddr(String address, int port) {
        return nativeBuffer(SOCKADDR_IN).putShort((short) LibC.AF_INET).order(ByteOrder.BIG_ENDIAN).putShort((short) port).put(AddressText.ipv4(address)).array();
    }

    private static ByteBuffer nativeBuffer(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.nativeOrder());
    }

    @Override
    public void close() {
        LibC.INSTANCE.close(descriptor);
    }
}
