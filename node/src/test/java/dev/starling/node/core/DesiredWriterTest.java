package dev.starling.node.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.spec.DockerSpecReader;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

class DesiredWriterTest {
    private static final int MOST = 100;
    private static final NodeId SELF = new NodeId("self");

    private final DesiredWriter writer = new DesiredWriter(SELF, Role.MANAGER, new ViewBuilder(SELF, new DockerSpecReader(), ValueReader.ofNode()), new HybridClock(),
            object -> object, new Random(1), MOST);

    private static ObjectNode body(int characters) {
        return JsonNodeFactory.instance.objectNode().put("text", "x".repeat(characters));
    }

    /** Thrown in the middle of a plan it would take the plan's other effects with it. */
    @Test
    void anAmendmentThatDoesNotFitIsLeftOut() {
        DesiredObject old = writer.create(Kind.SERVICE, null, body(5), 1_000);
        DesiredObject amended = writer.amend(old, body(6)).orElseThrow();
        assertEquals(old.generation(), amended.generation());
        assertTrue(amended.time().compareTo(old.time()) > 0);
        assertEquals(Optional.empty(), writer.amend(old, body(MOST)));
    }
}
