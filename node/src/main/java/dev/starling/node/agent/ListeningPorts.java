package dev.starling.node.agent;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;

/**
 * Waits until a process listens on TCP ports in its network namespace. A task whose ports are published counts as running from then on: before, whoever
 * is sent to it would be refused.
 *
 * <pre>
 *   sl  local_address rem_address   st ...      // /proc/PID/net/tcp: port in hexadecimal after the colon, state 0A listens
 *    0: 00000000:0050 00000000:0000 0A
 * </pre>
 */
final class ListeningPorts {
    private static final long POLL_NANOS = 20_000_000L;
    private static final String LISTEN = "0A";

    /** Returns also when the process has ended, or {@code atMost} is over. */
    static void await(int pid, Set<Integer> ports, Duration atMost) {
        long end = System.nanoTime() + atMost.toNanos();
        while (System.nanoTime() < end && !Thread.currentThread().isInterrupted()) {
            try {
                Set<Integer> missing = new HashSet<>(ports);
                missing.removeAll(listening(Path.of("/proc/" + pid + "/net/tcp")));
                if (!missing.isEmpty()) {
                    missing.removeAll(listening(Path.of("/proc/" + pid + "/net/tcp6")));
                }
                if (missing.isEmpty()) {
                    return;
                }
            } catch (IOException ended) {
                return;
            }
            LockSupport.parkNanos(POLL_NANOS);
        }
    }

    static Set<Integer> listening(Path table) throws IOException {
        Set<Integer> ports = new HashSet<>();
        try {
            for (String line : Files.readAllLines(table)) {
                String[] words = line.strip().split("\\s+");
                if (words.length > 3 && words[3].equals(LISTEN)) {
                    ports.add(Integer.parseInt(words[1].substring(words[1].indexOf(':') + 1), 16));
                }
            }
        } catch (NoSuchFileException e) {
            if (!table.endsWith("tcp6")) { // IPv6 may be off
                throw e;
            }
        }
        return ports;
    }

    private ListeningPorts() {}
}
