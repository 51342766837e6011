package dev.starling.gossip.trust;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.time.Instant;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class RenewalTest {
    private static final Duration LIFE = Duration.ofDays(90);
    private static final Instant ISSUED = Instant.parse("2026-01-01T00:00:00Z");
    private static final Instant END = ISSUED.plus(LIFE);

    @Test
    void eachNodePicksItsOwnMomentBetweenHalfAndFourFifthsOfTheLife() {
        for (int seed = 0; seed < 200; seed++) {
            Renewal renewal = Renewal.of(END, LIFE, new Random(seed));
            assertFalse(renewal.isDue(ISSUED.plus(Duration.ofDays(45).minusMillis(1))), renewal.toString());
            assertTrue(renewal.isDue(ISSUED.plus(Duration.ofDays(72))), renewal.toString());
        }
        assertEquals(200, IntStream.range(0, 200).mapToObj(seed -> Renewal.of(END, LIFE, new Random(seed)).due()).distinct().count());
    }

    @Test
    void aShorterOneIsDueTheSooner() {
        assertTrue(Renewal.of(ISSUED.plus(Duration.ofDays(10)), LIFE, new Random(1)).isDue(ISSUED));
    }

    @Test
    void aMachineWithoutAClockWaitsUntilItHasOne() {
        assertFalse(Renewal.of(END, LIFE, new Random(1)).isDue(Instant.EPOCH));
    }

    @Test
    void whatIsLeftIsNegativeAfterTheEnd() {
        assertEquals(Duration.ofDays(-1), Renewal.of(END, LIFE, new Random(1)).left(END.plus(Duration.ofDays(1))));
    }
}
