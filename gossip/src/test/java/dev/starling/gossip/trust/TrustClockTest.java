package dev.starling.gossip.trust;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;

/** Which time certificates are judged by, for wall clocks that are right, behind and ahead. */
class TrustClockTest {
    private static final Instant TRUTH = Instant.parse("2026-11-22T12:00:00Z");
    private static final Duration YEARS = Duration.ofDays(3 * 365);

    private Instant wall = TRUTH;
    private long nanos = 17;

    private TrustClock clock(Instant known) {
        TrustClock clock = new TrustClock(() -> wall, () -> nanos, known);
        clock.plausibleUntil(TRUTH.plus(Duration.ofDays(60)));
        return clock;
    }

    private void pass(Duration time) {
        wall = wall.plus(time);
        nanos += time.toNanos();
    }

    @Test
    void aWallClockThatNothingSpeaksAgainstIsBelieved() {
        TrustClock clock = clock(TRUTH.minus(Duration.ofDays(2)));
        assertEquals(TRUTH, clock.instant());
        assertFalse(clock.inDoubt());
        pass(Duration.ofHours(5));
        assertEquals(wall, clock.instant());
    }

    @Test
    void withoutABatteryItGoesOnFromTheLastKnownTime() {
        wall = Instant.EPOCH;
        TrustClock clock = clock(TRUTH);
        assertEquals(TRUTH, clock.instant());
        pass(Duration.ofDays(1));
        assertEquals(TRUTH.plus(Duration.ofDays(1)), clock.instant());
        wall = TRUTH.plus(Duration.ofDays(2)); // a time server was found
        assertEquals(wall, clock.instant());
    }

    @Test
    void aManagerTellsOneThatKnowsNothing() {
        wall = Instant.EPOCH;
        TrustClock clock = clock(Instant.EPOCH);
        clock.learn(TRUTH, TRUTH);
        pass(Duration.ofMinutes(1));
        assertEquals(TRUTH.plusSeconds(60), clock.instant());
    }

    @Test
    void aClockThatIsPastTheEndOfTheOwnCertificateIsInDoubt() {
        wall = TRUTH.plus(YEARS);
        TrustClock clock = clock(TRUTH);
        assertTrue(clock.inDoubt());
        assertEquals(TRUTH, clock.instant());
        clock.learn(TRUTH.plusSeconds(9), TRUTH.plusSeconds(9));
        assertFalse(clock.inDoubt());
        pass(Duration.ofMinutes(1));
        assertEquals(TRUTH.plusSeconds(69), clock.instant(), "it is the clock that was wrong");
        wall = TRUTH.plusSeconds(75); // set right
        assertEquals(wall, clock.instant());
    }

    @Test
    void orTheNodeWasOffForAsLong() {
        wall = TRUTH.plus(YEARS);
        TrustClock clock = clock(TRUTH);
        clock.learn(TRUTH.plus(YEARS).plusSeconds(3), TRUTH.plus(YEARS).plusSeconds(3));
        assertEquals(TRUTH.plus(YEARS), clock.instant());
    }

    @Test
    void twoThatWereOffTogetherBelieveEachOther() {
        wall = TRUTH.plus(Duration.ofDays(180));
        TrustClock clock = clock(TRUTH);
        clock.learn(TRUTH.plusSeconds(2), wall.plusSeconds(2)); // the other counts from its last known time too, and shows the same wall clock
        assertEquals(wall, clock.instant());
    }

    @Test
    void whoIsInDoubtBelievesANodeThatShowsTheSame() {
        wall = TRUTH.plus(Duration.ofDays(180));
        TrustClock clock = clock(TRUTH);
        clock.confirm(TRUTH.plusSeconds(3));
        assertTrue(clock.inDoubt(), "one that shows another time says nothing");
        assertEquals(TRUTH, clock.instant());
        clock.confirm(wall.minusSeconds(3));
        assertFalse(clock.inDoubt());
        assertEquals(wall, clock.instant());
    }

    @Test
    void whoIsNotInDoubtGoesByNoNode() {
        wall = TRUTH.plus(YEARS);
        TrustClock clock = clock(TRUTH);
        clock.learn(TRUTH.plusSeconds(9), TRUTH.plusSeconds(9)); // a manager: this clock is ahead
        clock.confirm(wall);
        assertEquals(TRUTH.plusSeconds(9), clock.instant());
    }

    @Test
    void twoWithoutABatteryDoNot() {
        wall = Instant.EPOCH.plusSeconds(30);
        TrustClock clock = clock(TRUTH);
        clock.learn(TRUTH.plusSeconds(5), Instant.EPOCH.plusSeconds(33));
        assertEquals(TRUTH.plusSeconds(5), clock.instant());
    }
}
