package dev.starling.gossip.atomix;

import io.atomix.cluster.messaging.ManagedUnicastService;
import io.atomix.cluster.messaging.MessagingService;
import io.atomix.cluster.messaging.UnicastService;
import io.atomix.utils.net.Address;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.function.BiConsumer;

/** Atomix' unreliable messages, over the same authenticated connections. Atomix' own go over UDP, unauthenticated: never started. */
final class TransportUnicast implements ManagedUnicastService {
    private static final String PREFIX = "unicast:";

    private final MessagingService messaging;
    private final Map<String, Map<BiConsumer<Address, byte[]>, Executor>> listeners = new ConcurrentHashMap<>();
    private volatile boolean running;

    TransportUnicast(MessagingService messaging) {
        this.messaging = messaging;
    }

    @Override
    public void unicast(Address address, String subject, byte[] payload) {
        messaging.sendAsync(address, PREFIX + subject, payload, true).exceptionally(lost -> null); // unreliable by contract
    }

    @Override
    public synchronized void addListener(String subject, BiConsumer<Address, byte[]> listener, Executor executor) {
        listeners.computeIfAbsent(subject, added -> {
            messaging.registerHandler(PREFIX + subject, (BiConsumer<Address, byte[]>) (from, payload) -> deliver(subject, from, payload), (Executor) Runnable::run);
            return new ConcurrentHashMap<>();
        }).put(listener, executor);
    }

    @Override
    public synchronized void removeListener(String subject, BiConsumer<Address, byte[]> listener) {
        Map<BiConsumer<Address, byte[]>, Executor> ofSubject = listeners.get(subject);
        if (ofSubject != null && ofSubject.remove(listener) != null && ofSubject.isEmpty()) {
            listeners.remove(subject);
            messaging.unregisterHandler(PREFIX + subject);
        }
    }

    private void deliver(String subject, Address from, byte[] payload) {
        listeners.getOrDefault(subject, Map.of()).forEach((listener, executor) -> executor.execute(() -> listener.accept(from, payload)));
    }

    @Override
    public CompletableFuture<UnicastService> start() {
        running = true;
        return CompletableFuture.completedFuture(this);
    }

    @Override
    public boolean isRunning() {
        return running;
    }

    @Override
    public CompletableFuture<Void> stop() {
        running = false;
        return CompletableFuture.completedFuture(null);
    }
}
