package dev.starling.runtime.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.runtime.RuntimeShimException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(300)
class LayersUnderWayTest {
    private static final RuntimeException FIRST = new IllegalStateException("first");

    private final CompletableFuture<Void> end = new CompletableFuture<>();

    private Thread awaiting(LayersUnderWay layers) throws InterruptedException {
        Thread thread = new Thread(() -> {
            try {
                layers.await();
                end.complete(null);
            } catch (RuntimeException failure) {
                end.completeExceptionally(failure);
            }
        });
        thread.setDaemon(true);
        thread.start();
        untilItWaits(thread);
        return thread;
    }

    private static void untilItWaits(Thread thread) throws InterruptedException {
        while (thread.getState() != Thread.State.WAITING && thread.isAlive()) {
            Thread.sleep(1);
        }
    }

    private Throwable failure() {
        return assertThrows(ExecutionException.class, () -> end.get(90, TimeUnit.SECONDS)).getCause();
    }

    @Test
    void itIsOverWhenAllAreUnpacked() throws Exception {
        LayersUnderWay layers = new LayersUnderWay(2);
        Thread waiting = awaiting(layers);
        assertTrue(layers.begins());
        layers.done();
        untilItWaits(waiting);
        assertFalse(end.isDone());
        assertTrue(layers.begins());
        layers.done();
        end.get(90, TimeUnit.SECONDS);
        new LayersUnderWay(0).await();
    }

    @Test
    void aFailureEndsItAfterThoseAtWorkAndNoneBegins() throws Exception {
        LayersUnderWay layers = new LayersUnderWay(3);
        Thread waiting = awaiting(layers);
        assertTrue(layers.begins());
        assertTrue(layers.begins());
        layers.failed(FIRST);
        assertFalse(layers.begins());
        untilItWaits(waiting);
        assertFalse(end.isDone(), "one is still writing");
        layers.failed(new IllegalStateException("second"));
        assertSame(FIRST, failure());
    }

    @Test
    void aLayerThatDoesNotComeEndsIt() throws Exception {
        LayersUnderWay layers = new LayersUnderWay(2);
        awaiting(layers);
        layers.neverBegins(FIRST);
        assertSame(FIRST, failure());
    }

    @Test
    void anInterruptWaitsForThoseAtWorkToo() throws Exception {
        LayersUnderWay layers = new LayersUnderWay(2);
        Thread waiting = awaiting(layers);
        assertTrue(layers.begins());
        waiting.interrupt();
        while (layers.begins()) { // it has not heard yet
            layers.done();
            Thread.sleep(1);
        }
        assertFalse(end.isDone());
        layers.done();
        assertEquals(RuntimeShimException.Kind.CONFLICT, ((RuntimeShimException) failure()).kind());
    }
}
