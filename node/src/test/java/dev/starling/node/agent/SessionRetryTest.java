package dev.starling.node.agent;

import static dev.starling.node.agent.SwarmOfLoopbackNodes.until;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A session that could not begin leaves nothing behind that the next try trips over. */
@Timeout(300)
class SessionRetryTest {
    @TempDir
    Path directory;

    @Test
    void aTakenAddress() throws Exception {
        try (SwarmOfLoopbackNodes swarm = new SwarmOfLoopbackNodes(directory)) {
            LoopbackNode node = swarm.first();
            node.stop();
            try (ServerSocket taken = new ServerSocket(node.gossip.port(), 1, InetAddress.getLoopbackAddress())) {
                assertThrows(RuntimeException.class, node::start, () -> "the address is taken: " + taken);
                node.stop();
            }
            node.start();
            until("the metrics are those of the session that is there", () -> node.metric("starling.members") == 1);
        }
    }
}
