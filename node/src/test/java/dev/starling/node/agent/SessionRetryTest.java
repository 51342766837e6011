package dev.starling.node.agent;

import static dev.starling.node.agent.SwarmOfLoopbackNodes.done;
import static dev.starling.node.agent.SwarmOfLoopbackNodes.until;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.netlink.xfrm.EspSupport;
import dev.starling.node.swarm.SwarmDirectory;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A session that could not begin, or not end well, leaves nothing behind that the next one trips over. */
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

    /** No more sockets for the kernel's interfaces, say: what was open by then, the gossip address before all, is closed again. */
    @Test
    void aKernelThatDoesNotAnswer() throws Exception {
        try (SwarmOfLoopbackNodes swarm = new SwarmOfLoopbackNodes(directory)) {
            LoopbackNode node = swarm.first();
            node.stop();
            node.encryption = new LoopbackNode.NoEncryption() {
                @Override
                public EspSupport support(String local) {
                    throw new IllegalStateException("too many open files");
                }
            };
            assertThrows(IllegalStateException.class, node::start);
            node.stop();
            node.encryption = new LoopbackNode.NoEncryption();
            node.start();
            until("the metrics are those of the session that is there", () -> node.metric("starling.members") == 1);
        }
    }

    /** The containers cannot be listed: the operator hears of it, and the membership is over all the same, on disk too. */
    @Test
    void aNodeThatCannotEndItsTasksLeavesAllTheSame() throws Exception {
        try (SwarmOfLoopbackNodes swarm = new SwarmOfLoopbackNodes(directory)) {
            LoopbackNode node = swarm.first();
            node.containers.unreadable = true;
            ExecutionException failure = assertThrows(ExecutionException.class, () -> done(node.swarm.leave(true)));
            assertTrue(String.valueOf(failure.getMessage()).contains("cannot be listed"), failure::toString);
            node.containers.unreadable = false;
            assertFalse(new SwarmDirectory(node.directory).hasIdentity());
            node.init();
            until("it is in a swarm anew", () -> node.metric("starling.members") == 1);
        }
    }
}
