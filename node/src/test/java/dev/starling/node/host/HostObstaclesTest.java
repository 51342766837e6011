package dev.starling.node.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.Sample;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.TaskState;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
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

    /** Somebody listens on 8080, 28000 and 28001; 28001 is the port of a task here, and 28003 is published on all nodes. */
    @Test
    void portsInTheWayOfWhatThisNodeMayPickAreTold(@TempDir Path proc) throws Exception {
        Files.writeString(proc.resolve("tcp"), """
                  sl  local_address rem_address   st
                   0: 00000000:1F90 00000000:0000 0A
                   1: 00000000:6D60 00000000:0000 0A
                   2: 00000000:6D61 00000000:0000 0A
                """);
        Sample.Cluster cluster = new Sample.Cluster().node(Sample.N1, "192.0.2.1", true)
                .has(Kind.SERVICE, "s1", publishing("{\"TargetPort\": 80, \"PublishedPort\": 28003}"))
                .runs(Sample.task("t", Slot.replica("s2", 1), Sample.N1, TaskState.RUNNING, Map.of()).withHostPorts(List.of("tcp/28001")));
        assertEquals(List.of(), taken(proc, cluster), "nothing is to be picked");
        cluster.has(Kind.SERVICE, "s2", publishing("{\"TargetPort\": 80, \"PublishMode\": \"host\"}"));
        assertEquals(List.of("tcp/28000", "tcp/28003"), taken(proc, cluster));
    }

    private static ObjectNode publishing(String port) {
        ObjectNode body = Sample.serviceBody("web", 1);
        body.withObject("/Spec").set("EndpointSpec", Sample.json("{\"Ports\": [" + port + "]}"));
        return body;
    }

    private static List<String> taken(Path proc, Sample.Cluster cluster) {
        try (HostObstacles obstacles = new HostObstacles(cluster::snapshot, new ListeningPorts(proc), found -> { })) {
            obstacles.look();
            return List.copyOf(obstacles.current().takenPorts());
        }
    }
}
