package dev.starling.node.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a host tells of its listening ports. */
class HostObstaclesTest {
    @Test
    void portsAreReadAsTheKernelWritesThem(@TempDir Path proc) throws Exception {
        Files.writeString(proc.resolve("tcp"), """
                  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
                   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1089 1 0 100 0 0 10 0
                   1: 0100007F:1F91 0100007F:0050 01 00000000:00000000 00:00000000 00000000     0        0 1090 1 0 100 0 0 10 0
                """);
        Files.writeString(proc.resolve("udp6"), """
                  sl  local_address                         remote_address                        st
                 12: 00000000000000000000000000000000:0035 00000000000000000000000000000000:0000 07 00000000:00000000
                """);
        assertEquals(new TreeSet<>(List.of("tcp/8080", "udp/53")), new ListeningPorts(proc).read(), "not the connection from 8081");
    }

    @Test
    void aSocketOfThisProcessIsSeen() throws Exception {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            assertTrue(ListeningPorts.OF_THIS_HOST.read().contains("tcp/" + socket.getLocalPort()));
        }
    }
}
