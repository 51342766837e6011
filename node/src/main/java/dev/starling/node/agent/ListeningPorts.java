package dev.starling.node.agent;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.SortedSet;
import java.util.TreeSet;

/** On which ports processes of this host listen, from /proc/net (proc(5)): "tcp/8080", "udp/53". */
record ListeningPorts(Path procNet) {
    static final ListeningPorts OF_THIS_HOST = new ListeningPorts(Path.of("/proc/net"));

    /** {@code TCP_LISTEN} and, for UDP, {@code TCP_CLOSE}: a socket that is bound and not connected (include/net/tcp_states.h). */
    private static final String LISTENS = "0A";
    private static final String UNCONNECTED = "07";

    SortedSet<String> read() {
        SortedSet<String> ports = new TreeSet<>();
        read("tcp", "tcp", LISTENS, ports);
        read("tcp6", "tcp", LISTENS, ports);
        read("udp", "udp", UNCONNECTED, ports);
        read("udp6", "udp", UNCONNECTED, ports);
        return ports;
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
