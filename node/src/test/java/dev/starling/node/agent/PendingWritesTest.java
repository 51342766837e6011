package dev.starling.node.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;

class PendingWritesTest {
    private final ManualTimer timer = new ManualTimer();
    private final PendingWrites writes = new PendingWrites(timer);

    @Test
    void aLoneNodeAcknowledgesWhatItsOwnDiskHas() {
        CompletableFuture<Integer> write = writes.await("web", 1, 1);
        assertFalse(write.isDone());
        writes.replicated("web", 1, 1);
        assertEquals(1, write.join());
    }

    @Test
    void whereThreeAreReachableThreeHaveToHaveIt() {
        CompletableFuture<Integer> write = writes.await("web", 1, 5);
        writes.replicated("web", 1, 1);
        writes.replicated("web", 1, 2);
        assertFalse(write.isDone());
        writes.replicated("web", 1, 3);
        assertEquals(3, write.join());
    }

    @Test
    void afterASecondTheCopiesThereAreWillDo() {
        CompletableFuture<Integer> write = writes.await("web", 1, 3);
        writes.replicated("web", 1, 2);
        timer.pass(999);
        assertFalse(write.isDone());
        timer.pass(1);
        assertEquals(2, write.join());
    }

    @Test
    void withoutOnesOwnDiskNoPatienceHelps() {
        CompletableFuture<Integer> write = writes.await("web", 1, 3);
        timer.pass(1_000);
        assertFalse(write.isDone(), "not even one copy");
        timer.pass(9_000);
        String message = assertThrows(CompletionException.class, write::join).getCause().getMessage();
        assertTrue(message.contains("web") && message.contains("within 10 s"), message);
    }

    @Test
    void aLateFirstCopyIsEnoughOncePatienceHasEnded() {
        CompletableFuture<Integer> write = writes.await("web", 1, 3);
        timer.pass(1_000);
        writes.replicated("web", 1, 1);
        assertEquals(1, write.join());
    }

    @Test
    void whatTheDiskRefusedIsNotAcknowledged() {
        CompletableFuture<Integer> write = writes.await("web", 1, 1);
        writes.notStored("web", 1, "no space is left");
        writes.replicated("web", 1, 3);
        String message = assertThrows(CompletionException.class, write::join).getCause().getMessage();
        assertTrue(message.contains("web") && message.contains("not acknowledged") && message.contains("no space is left"), message);
    }

    @Test
    void eachGenerationWaitsForItself() {
        CompletableFuture<Integer> first = writes.await("web", 1, 1);
        CompletableFuture<Integer> second = writes.await("web", 2, 1);
        writes.replicated("web", 2, 1);
        assertTrue(second.isDone());
        assertFalse(first.isDone());
    }
}
