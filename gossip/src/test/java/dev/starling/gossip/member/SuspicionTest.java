package dev.starling.gossip.member;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.NodeId;
import org.junit.jupiter.api.Test;

class SuspicionTest {
    @Test
    void shrinksWithEachIndependentAccuser() {
        Suspicion suspicion = new Suspicion(1_000, 1_500, 6_000, 2);
        assertTrue(suspicion.accusedBy(new NodeId("a")));
        assertEquals(7_000, suspicion.deadline());
        assertFalse(suspicion.accusedBy(new NodeId("a")), "the same accuser does not confirm itself");
        assertEquals(7_000, suspicion.deadline());
        assertTrue(suspicion.accusedBy(new NodeId("b")));
        assertEquals(4_161, suspicion.deadline());
        assertTrue(suspicion.accusedBy(new NodeId("c")));
        assertEquals(2_500, suspicion.deadline());
        assertFalse(suspicion.accusedBy(new NodeId("d")), "enough is enough");
        assertEquals(2_500, suspicion.deadline());
    }

    @Test
    void withNobodyToConfirmItTakesTheLeastTime() {
        assertEquals(2_500, new Suspicion(1_000, 1_500, 6_000, 0).deadline());
    }
}
