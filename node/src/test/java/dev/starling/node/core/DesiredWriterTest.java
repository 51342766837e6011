package dev.starling.node.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.Bytes;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.desired.DesiredState;
import dev.starling.gossip.desired.HybridTime;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.spec.DockerSpecReader;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

class DesiredWriterTest {
    private static final int MOST = 100;
    private static final NodeId SELF = new NodeId("self");

    private final ViewBuilder state = new ViewBuilder(SELF, new DockerSpecReader(), ValueReader.ofNode());
    private final DesiredState desired = new DesiredState();
    private final DesiredWriter writer = new DesiredWriter(SELF, Role.MANAGER, state, desired, new HybridClock(), object -> object, new Random(1), MOST);

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

    private DesiredObject known(DesiredObject object) {
        state.desiredChanged(object);
        desired.join(object);
        return object;
    }

    /** Else who has not got its writes yet would take them for written after it was demoted, and never take them in. */
    @Test
    void aNodesDocumentIsDatedAfterAllThatTheNodeWroteWithAClockThatIsAhead() {
        known(writer.create(Kind.NODE, "ahead", body(5), 1_000));
        DesiredObject service = known(writer.create(Kind.SERVICE, null, body(5), 1_000));
        DesiredObject written = known(new DesiredObject(Kind.SERVICE, "theirs", HybridTime.of(90_000_000, 0), 1, HybridTime.of(90_000_000, 7), new NodeId("ahead"), true,
                Bytes.EMPTY, Bytes.EMPTY, Bytes.EMPTY));
        DesiredObject demoted = known(writer.update("ahead", 1, body(6), 2_000));
        assertTrue(demoted.time().compareTo(written.time()) > 0, demoted.time() + " is not after " + written.time());
        assertTrue(writer.delete("ahead", 3_000).time().compareTo(demoted.time()) > 0);
        assertEquals(4_000, writer.update(service.uid(), 1, body(6), 4_000).time().wallMillis(), "nothing else is dated ahead for that");
    }
}
