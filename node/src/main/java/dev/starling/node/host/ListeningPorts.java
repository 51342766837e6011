package dev.starling.node.host;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.concurrent.locks.LockSupport;

/**
 * On which ports the processes of a network namespace listen, from /proc/net (proc(5)): "tcp/8080", "udp/53".
 *
 * <pre>
 *   sl  local_address rem_address   st ...      // port in hexadecimal after the last colon
 *    0: 00000000:0050 00000000:0000 0A
 * </pre>
 */
public record ListeningPorts(Path procNet) {
    public static final ListeningPorts OF_THIS_HOST = new ListeningPorts(Path.of("/proc/net"));

    private static final long POLL_NANOS = 20_000_000L;
    /** {@code TCP_LISTEN} and, for UDP, {@code TCP_CLOSE}: a socket that is bound and not connected (include/net/tcp_states.h). */
    private static final String LISTENS = "0A";
    private static final String UNCONNECTED = "07";

    /** Those of the namespace that process {@code pid} is in. */
    public static ListeningPorts of(int pid) {
        return new ListeningPorts(Path.of("/proc/" + pid + "/net"));
    }

    SortedSet<String> read() {
        SortedSet<String> ports = new TreeSet<>();
        read("tcp", "tcp", LISTENS, ports);
        read("tcp6", "tcp", LISTENS, ports);
        read("udp", "udp", UNCONNECTED, ports);
        read("udp6", "udp", UNCONNECTED, ports);
        return ports;
    }

    /** Waits until somebody listens on all of {@code wanted}. Returns also when the process has ended, or {@code atMost} is over. */
    public void await(Collection<String> wanted, Duration atMost) {
        long end = System.nanoTime() + atMost.toNanos();
        try {
            while (Files.exists(procNet) && !read().containsAll(wanted) && System.nanoTime() < end && !Thread.currentThread().isInterrupted()) {
                LockSupport.parkNanos(POLL_NANOS);
            }
        } catch (UncheckedIOException ended) {
            // the process went between two looks
        }
    }

    private void read(String file, String protocol, String state, SortedSet<String> ports) {
        Path path = procNet.resolve(file);
        try {
            for (String line : Files.readAllLines(path)) {
                String[] words = line.strip().split("\\s+");
                int colon = words.length > 3 ? words[1].lastIndexOf(':') : -1;
                if (colon > 0 && words[3].equals(state)) {
                    ports.add(protocol + "/" + Integer.parseInt(words[1].substring(colon + 1), 16));
                }
            }
        } catch (NoSuchFileException e) {
            return; // a kernel without IPv6
        } catch (IOException e) {
            throw new UncheckedIOException(path + " cannot be read: " + e.getMessage(), e);
        }
    }
}
