package dev.starling.runtime.registry;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.image.Digest;
import dev.starling.runtime.image.Image;
import dev.starling.runtime.image.ImageSource;
import dev.starling.runtime.image.LocalImageStore;
import dev.starling.runtime.image.PullProgress;
import dev.starling.runtime.image.RegistryCredentials;
import dev.starling.runtime.image.RegistryReference;
import dev.starling.runtime.image.RemoteImage;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Pulls images into the store: from other nodes where they have it, else from the registry. Who asks for an image that is being pulled for
 * the same user waits for that pull. Blocking; the caller's threads bound how many pulls run, this class how many downloads and how many layers
 * are unpacked at a time.
 */
public final class ImagePuller implements AutoCloseable {
    private static final long CLOSE_SECONDS = 2;
    /** One inflates while the other waits for the disk. */
    private static final int UNPACKING = 2;

    private record Key(String reference, RegistryCredentials credentials, boolean fromRegistry) {}

    private final LocalImageStore store;
    private final Registries registries;
    private final BandwidthLimit bandwidth;
    private final ExecutorService downloads;
    private final ExecutorService unpacking;
    private final Map<Key, CompletableFuture<Image>> underWay = new ConcurrentHashMap<>();
    private final LongAdder pulled = new LongAdder();
    private final LongAdder failed = new LongAdder();
    /** Neighbours that may have an image; none outside of a swarm. */
    private volatile Function<RegistryReference, List<ImageSource>> neighbours = reference -> List.of();

    /**
     * @param bandwidth of all downloads together
     * @param parallel  downloads at a time
     */
    public ImagePuller(LocalImageStore store, Registries registries, BandwidthLimit bandwidth, int parallel) {
        this.store = store;
        this.registries = registries;
        this.bandwidth = bandwidth;
        this.downloads = threads("download-", parallel);
        this.unpacking = threads("unpack-", UNPACKING);
    }

    private static ExecutorService threads(String name, int count) {
        AtomicInteger number = new AtomicInteger();
        return Executors.newFixedThreadPool(count, work -> {
            Thread thread = new Thread(work, name + number.incrementAndGet());
            thread.setDaemon(true);
            return thread;
        });
    }

    /** Other nodes are asked before the registry from now on. */
    public void askFirst(Function<RegistryReference, List<ImageSource>> newNeighbours) {
        neighbours = newNeighbours;
    }

    public Image pull(String name, RegistryCredentials credentials, PullProgress progress) {
        RegistryReference reference = RegistryReference.parse(name);
        return pull(new Key(reference.canonical(), credentials, true), reference, progress, () -> {
            List<ImageSource> sources = new ArrayList<>(neighbours.apply(reference));
            sources.add(registries.source(reference.host(), credentials));
            return sources;
        });
    }

    /**
     * From these sources only; no registry is asked.
     *
     * @param name with a digest
     */
    public void pullFrom(String name, List<ImageSource> sources) {
        RegistryReference reference = RegistryReference.parse(name);
        if (reference.digest().isEmpty() || sources.isEmpty()) {
            throw RuntimeShimException.notFound("No such image: " + name + " (no node near has it)");
        }
        pull(new Key(reference.canonical(), RegistryCredentials.NONE, false), reference, PullProgress.NONE, () -> sources);
    }

    private Image pull(Key key, RegistryReference reference, PullProgress progress, Supplier<List<ImageSource>> from) {
        CompletableFuture<Image> own = new CompletableFuture<>();
        CompletableFuture<Image> other = underWay.putIfAbsent(key, own);
        if (other != null) {
            return joined(other);
        }
        try {
            Image image = store.pull(reference, from.get().stream().<ImageSource>map(source -> new Limited(source, bandwidth)).toList(), progress, downloads,
                    unpacking);
            pulled.increment();
            own.complete(image);
            return image;
        } catch (RuntimeException failure) {
            failed.increment();
            own.completeExceptionally(failure);
            throw failure;
        } finally {
            underWay.remove(key, own);
        }
    }

    private static Image joined(CompletableFuture<Image> other) {
        try {
            return other.join();
        } catch (CompletionException failure) {
            throw failure.getCause() instanceof RuntimeShimException known ? known : failure;
        }
    }

    public RemoteImage resolve(String name, RegistryCredentials credentials) {
        RegistryReference reference = RegistryReference.parse(name);
        return store.resolve(reference, registries.source(reference.host(), credentials));
    }

    /** As {@link dev.starling.runtime.image.ImageStore#accepts}. */
    public boolean accepts(String registry, RegistryCredentials credentials) {
        return registries.accepts(registry, credentials);
    }

    public long pulls() {
        return pulled.sum();
    }

    public long failures() {
        return failed.sum();
    }

    private record Limited(ImageSource source, BandwidthLimit bandwidth) implements ImageSource {
        @Override
        public byte[] manifest(RegistryReference reference) throws IOException {
            return source.manifest(reference);
        }

        @Override
        public InputStream blob(RegistryReference repository, Digest digest, long offset) throws IOException {
            return bandwidth.limited(source.blob(repository, digest, offset));
        }
    }

    /** Breaks downloads off, and waits a moment for them to let go of their files. A layer that is being unpacked is not: an interrupted read looks like a damaged file. */
    @Override
    public void close() {
        unpacking.shutdown();
        downloads.shutdownNow();
        try {
            downloads.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
