package dev.starling.gossip.atomix;

import io.atomix.cluster.messaging.BroadcastService;
import io.atomix.cluster.messaging.ManagedBroadcastService;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/** There is no multicast: it is unauthenticated. Whoever asks for it is told so. */
final class NoBroadcast implements ManagedBroadcastService {
    private static UnsupportedOperationException refusal() {
        return new UnsupportedOperationException("multicast is not part of a Starling cluster: it is unauthenticated");
    }

    @Override
    public void broadcast(String subject, byte[] payload) {
        throw refusal();
    }

    @Override
    public void addListener(String subject, Consumer<byte[]> listener) {
        throw refusal();
    }

    @Override
    public void removeListener(String subject, Consumer<byte[]> listener) {
        throw refusal();
    }

    @Override
    public CompletableFuture<BroadcastService> start() {
        return CompletableFuture.failedFuture(refusal());
    }

    @Override
    public boolean isRunning() {
        return false;
    }

    @Override
    public CompletableFuture<Void> stop() {
        return CompletableFuture.completedFuture(null);
    }
}
