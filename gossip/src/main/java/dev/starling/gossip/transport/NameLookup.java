package dev.starling.gossip.transport;

import io.netty.util.NetUtil;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Host names to addresses, off the event loop: the system's resolver blocks for many seconds where the DNS server is gone, which on
 * the edge is when gossip matters most. Literals, which is what members have, pass straight through.
 */
final class NameLookup implements AutoCloseable {
    private static final int WAITING_LOOKUPS = 64;

    private final ThreadPoolExecutor resolver;

    NameLookup() {
        resolver = new ThreadPoolExecutor(1, 1, 10, TimeUnit.SECONDS, new ArrayBlockingQueue<>(WAITING_LOOKUPS), task -> {
            Thread thread = new Thread(task, "starling-names");
            thread.setDaemon(true);
            return thread;
        });
        resolver.allowCoreThreadTimeOut(true);
    }

    CompletableFuture<InetAddress> resolve(String host, Duration within) {
        byte[] literal = NetUtil.createByteArrayFromIpAddressString(host);
        if (literal != null) {
            try {
                return CompletableFuture.completedFuture(InetAddress.getByAddress(literal));
            } catch (UnknownHostException e) {
                return CompletableFuture.failedFuture(e);
            }
        }
        CompletableFuture<InetAddress> found = new CompletableFuture<>();
        try {
            resolver.execute(() -> {
                try {
                    found.complete(InetAddress.getByName(host));
                } catch (UnknownHostException e) {
                    found.completeExceptionally(new UnknownHostException("the name '" + host + "' is not known: " + e.getMessage()));
                }
            });
        } catch (RejectedExecutionException e) {
            found.completeExceptionally(new UnknownHostException("too many names are being looked up already"));
        }
        return found.orTimeout(within.toMillis(), TimeUnit.MILLISECONDS).exceptionallyCompose(error -> CompletableFuture.failedFuture(
                error instanceof UnknownHostException ? error
                        : new UnknownHostException("no answer for the name '" + host + "' within " + within.toMillis() + " ms")));
    }

    @Override
    public void close() {
        resolver.shutdownNow();
    }
}
