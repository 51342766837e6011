package dev.starling.chaos;

import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A hundred slots a node placed from empty: in time, evenly over the nodes whatever the size of the services, and hardly ever twice. */
class LargePlacementTest {
    private static final long LIMIT_MILLIS = 10_000;

    @ParameterizedTest(name = "{0} nodes, {1} services, written at {2}")
    @CsvSource({"50, 5, 1", "20, 100, 1", "20, 100, 3"})
    void aHundredSlotsANodeArePlacedEvenly(int nodes, int services, int writers) {
        LargePlacement placement = LargePlacement.run(3, nodes, services, 100, writers, (cluster, millis) -> { });
        System.out.println(placement);
        assertTrue(placement.placed() && placement.tookMillis() <= LIMIT_MILLIS, placement::toString);
        // One apart; of a slot that was claimed twice the node that gave way has one less, and no move follows for that.
        assertTrue(placement.most() - placement.least() <= (placement.claims() > placement.slots() ? 2 : 1), placement::toString);
        assertTrue(placement.claims() <= placement.slots() + placement.slots() / 500, placement::toString);
    }
}
