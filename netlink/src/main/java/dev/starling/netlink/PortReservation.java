package dev.starling.netlink;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * A port of this host that is held, so that no other process takes it: sockets that are bound and do not listen, one for IPv4 and, where the kernel
 * has it, one for IPv6. Who connects while no rule leads elsewhere is refused, as on a free port. Binding is also how one learns that another process
 * has the port. In the namespace of the caller.
 *
 * <pre>
 * struct sockaddr_in  { u16 sin_family; be16 sin_port; be32 sin_addr; u8 zero[8]; };                                       // linux/in.h
 * struct sockaddr_in6 { u16 sin6_family; be16 sin6_port; be32 sin6_flowinfo; u8 sin6_addr[16]; u32 sin6_scope_id; };       // linux/in6.h
 * </pre>
 */
public final class PortReservation implements AutoCloseable {
    private static final byte[] ONE = ByteBuffer.allocate(4).order(ByteOrder.nativeOrder()).putInt(1).array();

    private final List<Integer> descriptors = new ArrayList<>();

    private PortReservation() {}

    /** @throws NetlinkException with EADDRINUSE where a process has the port, on any address */
    public static PortReservation take(boolean tcp, int port) {
        PortReservation reservation = new PortReservation();
        try {
            reservation.bind(LibC.AF_INET, tcp, port);
            try {
                reservation.bind(LibC.AF_INET6, tcp, port);
            } catch (NetlinkException e) {
                if (e.errno() != Errno.EAFNOSUPPORT) {
                    throw e;
                }
            }
            return reservation;
        } catch (NetlinkException e) {
            reservation.close();
            throw e;
        }
    }

    private void bind(int family, boolean tcp, int port) {
        try {
            bind(family, tcp, port, false);
        } catch (NetlinkException taken) {
            if (!tcp || taken.errno() != Errno.EADDRINUSE) {
                throw taken;
            }
            // Old connections of a program that has gone keep others off for a minute, unless they say that they know: a listener still does.
            bind(family, true, port, true);
        }
    }

    private void bind(int family, boolean tcp, int port, boolean besideOldConnections) {
        String operation = "bind " + (family == LibC.AF_INET ? "0.0.0.0:" : "[::]:") + port + "/" + (tcp ? "tcp" : "udp");
        int descriptor = LibC.INSTANCE.socket(family, (tcp ? LibC.SOCK_STREAM : LibC.SOCK_DGRAM) | LibC.SOCK_CLOEXEC, 0);
        if (descriptor < 0) {
            throw LibC.failure(operation);
        }
        if (besideOldConnections) {
            LibC.INSTANCE.setsockopt(descriptor, LibC.SOL_SOCKET, LibC.SO_REUSEADDR, ONE, ONE.length);
        }
        if (family == LibC.AF_INET6) {
            LibC.INSTANCE.setsockopt(descriptor, LibC.IPPROTO_IPV6, LibC.IPV6_V6ONLY, ONE, ONE.length);
        }
        byte[] address = ByteBuffer.allocate(family == LibC.AF_INET ? 16 : 28).order(ByteOrder.nativeOrder()).putShort((short) family)
            .order(ByteOrder.BIG_ENDIAN).putShort((short) port).array();
        if (LibC.INSTANCE.bind(descriptor, address, address.length) != 0) {
            NetlinkException failure = LibC.failure(operation);
            LibC.INSTANCE.close(descriptor);
            throw failure;
        }
        descriptors.add(descriptor);
    }

    @Override
    public void close() {
        descriptors.forEach(LibC.INSTANCE::close);
        descriptors.clear();
    }
}
