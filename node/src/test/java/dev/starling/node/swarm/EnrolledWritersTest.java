package dev.starling.node.swarm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.desired.DesiredState;
import dev.starling.gossip.desired.HybridTime;
import dev.starling.gossip.desired.Kind;
import java.time.Duration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Whose writes count, by their NODE document and by the generation that their certificate names. */
class EnrolledWritersTest {
    private static final NodeId WRITER = new NodeId("w0writer0000000000000000w");
    private static final long DEMOTED_AT = Duration.ofDays(20_000).toMillis();
    private static final long DEMOTION = 6;

    private final DesiredState state = new DesiredState();
    private long roleGeneration;
    private final EnrolledWriters writers = new EnrolledWriters(object -> null, object -> roleGeneration);

    private static DesiredObject object(Kind kind, String uid, long generation, long millis, boolean deleted, String body) {
        HybridTime time = HybridTime.of(millis, 0);
        return new DesiredObject(kind, uid, time, generation, time, WRITER, deleted, Bytes.utf8(body), Bytes.EMPTY, Bytes.EMPTY);
    }

    private String refusalOf(Duration afterTheDemotion) {
        return writers.refusal(object(Kind.SERVICE, "s", 1, DEMOTED_AT + afterTheDemotion.toMillis(), false, "{}"));
    }

    @BeforeEach
    void demote() {
        writers.consult(state);
        state.join(object(Kind.NODE, WRITER.value(), DEMOTION, DEMOTED_AT, false, "{\"Spec\":{\"Role\":\"worker\"}}"));
    }

    @Test
    void aDemotedManagerIsRefusedAfterTheGrace() {
        assertNull(refusalOf(EnrolledWriters.GRACE));
        assertTrue(refusalOf(EnrolledWriters.GRACE.plusMillis(1)).contains("was demoted"));
        roleGeneration = DEMOTION; // the other write of that generation lost
        assertTrue(refusalOf(Duration.ofHours(1)).contains("was demoted"));
        assertEquals(2, writers.refusals());
    }

    @Test
    void oneThatWasPromotedSinceIsBelieved() {
        roleGeneration = DEMOTION + 1;
        assertNull(refusalOf(Duration.ofHours(1)));
    }

    @Test
    void aRemovedOneIsNotWhateverItShows() {
        state.join(object(Kind.NODE, WRITER.value(), DEMOTION + 1, DEMOTED_AT, true, ""));
        roleGeneration = DEMOTION + 2;
        assertTrue(refusalOf(Duration.ofHours(1)).contains("was demoted"));
    }
}
