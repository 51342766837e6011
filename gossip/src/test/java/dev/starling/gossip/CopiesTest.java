package dev.starling.gossip;

import static dev.starling.gossip.SampleObjects.service;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** When a writer may say that its write is kept. */
class CopiesTest {
    private static final NodeId SELF = new NodeId("self");

    private final Copies copies = new Copies(SELF);
    private final List<Output> told = new ArrayList<>();

    private static NodeId peer(int number) {
        return new NodeId("peer" + number);
    }

    private void persistedHere(long generation) {
        copies.persisted("web", generation, (writer, message) -> { }, told::add);
    }

    @Test
    void nothingIsToldBeforeTheWritersOwnDiskHasIt() {
        copies.wrote(service("web", 2, SELF, "{}"));
        for (int i = 1; i <= 4; i++) copies.stored(peer(i), "web", 2, told::add);
        assertEquals(List.of(), told, "a disk that fails is slower than four peers whose disks do not");
        persistedHere(2);
        assertEquals(List.of(new Output.Replicated("web", 2, 5)), told);
    }

    @Test
    void eachDiskCountsOnceAndALaterGenerationHoldsTheEarlierOne() {
        copies.wrote(service("web", 2, SELF, "{}"));
        persistedHere(1);
        copies.stored(peer(1), "web", 1, told::add);
        assertEquals(List.of(), told, "an earlier generation is not this write");
        persistedHere(3);
        copies.stored(peer(1), "web", 4, told::add);
        copies.stored(peer(1), "web", 4, told::add);
        assertEquals(List.of(new Output.Replicated("web", 2, 1), new Output.Replicated("web", 2, 2)), told);
    }
}
