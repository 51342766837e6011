package dev.starling.netlink;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A port of this host that is held, so that no other process takes it: a socket that is bound and does not listen. Who connects while no rule
 * leads elsewhere is refused, as on a free port. Binding is also how one learns that another process has the port. In the namespace of the caller.
 *
 * <pre>
 * struct sockaddr_in { u16 sin_family; be16 sin_port; be32 sin_addr; u8 zero[8]; };   // linux/in.h
 * </pre>
 */
public final class PortReservation implements AutoCloseable {
    private final int descriptor;

    private PortReservation(int descriptor) {
        this.descriptor = descriptor;
    }

    /** @throws NetlinkException with EADDRINUSE where a process has the port, on any address */
    public static PortReservation take(boolean tcp, int port) {
        try {
            return bind(tcp, port, false);
        } catch (NetlinkException taken) {
            if (!tcp || taken.errno() != Errno.EADDRINUSE) {
                throw taken;
            }
            // Old connections of a program that has gone keep others off for a minute, unless they say that they know: a listener still does.
            return bind(true, port, true);
        }
    }

    private static PortReservation bind(boolean tcp, int port, boolean besideOldConnections) {
        String operation = "bind 0.0.0.0:" + port + "/" + (tcp ? "tcp" : "udp");
        int descriptor = LibC.INSTANCE.socket(LibC.AF_INET, (tcp ? LibC.SOCK_STREAM : LibC.SOCK_DGRAM) | LibC.SOCK_CLOEXEC, 0);
        if (descriptor < 0) {
            throw LibC.failure(operation);
        }
        if (besideOldConnections) {
            byte[] one = ByteBuffer.allocate(4).order(ByteOrder.nativeOrder()).putInt(1).array();
            LibC.INSTANCE.setsockopt(descriptor, LibC.SOL_SOCKET, LibC.SO_REUSEADDR, one, one.length);
        }
        byte[] address = ByteBuffer.allocate(16).order(ByteOrder.nativeOrder()).putShort((short) LibC.AF_INET).order(ByteOrder.BIG_ENDIAN)
            .putShort((short) port).array();
        if (LibC.INSTANCE.bind(descriptor, address, address.length) != 0) {
            NetlinkException failure = LibC.failure(operation);
            LibC.INSTANCE.close(descriptor);
            throw failure;
        }
        return new PortReservation(descriptor);
    }

    @Override
    public void close() {
        LibC.INSTANCE.close(descriptor);
    }
}
