package dev.starling.node.image;

import dev.starling.node.host.Threads;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.image.Digest;
import dev.starling.runtime.image.ImageStore;
import dev.starling.runtime.image.PullProgress;
import dev.starling.runtime.registry.RegistryCredentials;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/**
 * The image of a task that is to start: here, or pulled first, on a few threads of its own so that tasks whose image is here do not wait
 * behind those. Tasks of one image share a pull; each hears now and then how far it is.
 */
public final class ImagesOfTasks implements AutoCloseable {
    private static final int THREADS = 3;
    private static final long IDLE_SECONDS = 5;
    /** Each telling travels through the swarm. */
    private static final long TELL_NANOS = TimeUnit.SECONDS.toNanos(3);
    private static final double MEGABYTE = 1e6;

    private final ImageStore images;
    private final ThreadPoolExecutor pullers =
            new ThreadPoolExecutor(THREADS, THREADS, IDLE_SECONDS, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), Threads.named("pull"));
    private final Map<String, CompletableFuture<Void>> underWay = new ConcurrentHashMap<>();

    public ImagesOfTasks(ImageStore images) {
        this.images = images;
        pullers.allowCoreThreadTimeOut(true);
    }

    /**
     * Done when the image is here; fails with what Docker says of a task whose image cannot be had, and why.
     *
     * @param tell hears how far the pull is
     */
    public CompletableFuture<Void> atHand(String image, Consumer<String> tell) {
        if (images.find(image) != null) {
            return CompletableFuture.completedFuture(null);
        }
        CompletableFuture<Void> fresh = new CompletableFuture<>();
        CompletableFuture<Void> other = underWay.putIfAbsent(image, fresh);
        if (other != null) {
            return other;
        }
        pullers.execute(() -> {
            RuntimeException failed = null;
            try {
                tell.accept("pulling " + image);
                images.pull(image, RegistryCredentials.NONE, new Telling(image, tell));
            } catch (RuntimeShimException failure) {
                failed = RuntimeShimException.notFound("No such image: " + image + " (" + failure.getMessage() + ")");
            } catch (RuntimeException failure) {
                failed = failure;
            }
            underWay.remove(image, fresh);
            if (failed == null) {
                fresh.complete(null);
            } else {
                fresh.completeExceptionally(failed);
            }
        });
        return fresh;
    }

    @Override
    public void close() {
        pullers.shutdownNow();
    }

    /** "pulling busybox:2: 12 of 40 MB" */
    private static final class Telling implements PullProgress {
        private final String image;
        private final Consumer<String> tell;
        private final Map<Digest, long[]> layers = new ConcurrentHashMap<>();
        private final AtomicLong last = new AtomicLong(System.nanoTime());

        Telling(String image, Consumer<String> tell) {
            this.image = image;
            this.tell = tell;
        }

        @Override
        public void at(Digest layer, Step step, long current, long total) {
            if (step != Step.DOWNLOADING) {
                return;
            }
            layers.put(layer, new long[] {current, total});
            long before = last.get();
            long now = System.nanoTime();
            if (now - before >= TELL_NANOS && last.compareAndSet(before, now)) {
                long have = layers.values().stream().mapToLong(sizes -> sizes[0]).sum();
                long all = layers.values().stream().mapToLong(sizes -> sizes[1]).sum();
                tell.accept(String.format(java.util.Locale.ROOT, "pulling %s: %.1f of %.1f MB", image, have / MEGABYTE, all / MEGABYTE));
            }
        }
    }
}
