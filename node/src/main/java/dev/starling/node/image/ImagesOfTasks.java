package dev.starling.node.image;

import dev.starling.node.host.Threads;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.image.Digest;
import dev.starling.runtime.image.ImageStore;
import dev.starling.runtime.image.PullProgress;
import dev.starling.runtime.image.RegistryCredentials;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Supplier;

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
     * With which credentials a task's image is pulled, once it has to be.
     *
     * @param owner whose they are: tasks of one owner share a pull; empty for nobody's
     * @param ask   may ask other nodes
     */
    public record Login(String owner, Supplier<CompletableFuture<RegistryCredentials>> ask) {
        public static final Login NONE = new Login("", () -> CompletableFuture.completedFuture(RegistryCredentials.NONE));
    }

    /** Where credentials could not be had, the image is pulled without: a neighbour may have it, and some registries give it to anybody. */
    private record Answer(RegistryCredentials credentials, String trouble) {
        static Answer of(RegistryCredentials credentials, Throwable failure) {
            return failure == null ? new Answer(credentials, "") : new Answer(RegistryCredentials.NONE,
                    "; without the service's credentials, which could not be had: " + root(failure).getMessage());
        }

        private static Throwable root(Throwable failure) {
            return failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
        }
    }

    /**
     * Done when the image is here; fails with what Docker says of a task whose image cannot be had, and why.
     *
     * @param tell hears how far the pull is
     */
    public CompletableFuture<Void> atHand(String image, Login login, Consumer<String> tell) {
        if (images.use(image) != null) {
            return CompletableFuture.completedFuture(null);
        }
        String key = image + " " + login.owner();
        CompletableFuture<Void> fresh = new CompletableFuture<>();
        CompletableFuture<Void> other = underWay.putIfAbsent(key, fresh);
        if (other != null) {
            return other;
        }
        login.ask().get().handle(Answer::of).thenAcceptAsync(answer -> pull(image, answer, tell), pullers).whenComplete((done, failure) -> {
            underWay.remove(key, fresh);
            if (failure == null) {
                fresh.complete(null);
            } else {
                fresh.completeExceptionally(Answer.root(failure));
            }
        });
        return fresh;
    }

    private void pull(String image, Answer login, Consumer<String> tell) {
        try {
            tell.accept("pulling " + image);
            images.pull(image, login.credentials(), new Telling(image, tell));
        } catch (RuntimeShimException failure) {
            throw RuntimeShimException.notFound("No such image: " + image + " (" + failure.getMessage() + login.trouble() + ")");
        }
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
