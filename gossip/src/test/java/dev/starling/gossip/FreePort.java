package dev.starling.gossip;

import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Ports for what a test starts, stops and starts again at the same address. One that the kernel picks (port 0) is of the range from which it also
 * serves outgoing connections, of whichever process, so it may be taken when it is wanted for the second time. These are from below that range,
 * and no two of this process are the same.
 */
public final class FreePort {
    private static final int FIRST = 20_000;
    /** Where Linux begins with those of outgoing connections (net.ipv4.ip_local_port_range). */
    private static final int END = 32_768;
    /** From anywhere, so that test runs side by side hardly ever try the same one. */
    private static final AtomicInteger NEXT = new AtomicInteger(new Random().nextInt(END - FIRST));

    private FreePort() {}

    /** Of 127.0.0.1, by TCP and UDP. */
    public static int ofLoopback() {
        return of("127.0.0.1");
    }

    public static int of(String address) {
        for (int tried = 0; tried < END - FIRST; tried++) {
            int port = FIRST + Math.floorMod(NEXT.getAndIncrement(), END - FIRST);
            try (ServerSocket tcp = new ServerSocket(port, 1, InetAddress.getByName(address));
                    DatagramSocket udp = new DatagramSocket(port, InetAddress.getByName(address))) {
                assert tcp.isBound() && udp.isBound();
                return port;
            } catch (IOException taken) {
                // the next one
            }
        }
        throw new IllegalStateException("no port from " + FIRST + " to " + END + " is free at " + address);
    }
}
