package dev.starling.node.agent;

import dev.starling.runtime.image.CollectionPolicy;
import dev.starling.runtime.image.ImageCollector;
import dev.starling.runtime.image.LocalImageStore;
import dev.starling.runtime.registry.ImagePuller;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Lets the collector look at the images every few minutes, on a thread of its own since removing layers takes a while, and counts what it does. */
final class ImageHousekeeping implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ImageHousekeeping.class);
    private static final long FIRST_SECONDS = 60;
    private static final long EACH_SECONDS = 300;

    private final ImageCollector collector;
    private final ImagesInUse inUse;
    private final WatchedImages images;
    private final ExecutorService thread = Executors.newSingleThreadExecutor(Threads.named("images"));
    private ScheduledFuture<?> rounds;

    ImageHousekeeping(LocalImageStore store, WatchedImages images, ImagesInUse inUse, CollectionPolicy policy, Path directory) {
        this.collector = new ImageCollector(store, policy, () -> space(directory));
        this.inUse = inUse;
        this.images = images;
    }

    void start(ScheduledExecutorService timer) {
        rounds = timer.scheduleWithFixedDelay(() -> thread.execute(this::round), FIRST_SECONDS, EACH_SECONDS, TimeUnit.SECONDS);
    }

    private void round() {
        try {
            Set<String> named = inUse.namedByServices();
            if (!collector.collect(Instant.now(), image -> named.contains(image.id())).isEmpty()) {
                images.changed();
            }
        } catch (RuntimeException e) {
            LOG.warn("unused images could not be removed: {}", e.toString());
        }
    }

    private static ImageCollector.Space space(Path directory) {
        try {
            FileStore disk = Files.getFileStore(directory);
            return new ImageCollector.Space(disk.getTotalSpace(), disk.getUsableSpace());
        } catch (IOException e) {
            throw new UncheckedIOException("the file system of " + directory + " cannot be looked at: " + e, e);
        }
    }

    void bind(MeterRegistry registry, ImagePuller puller) {
        Gauge.builder("starling.images", images, store -> store.list().size()).description("Images on this node").register(registry);
        Gauge.builder("starling.image.size", images, store -> store.usage().layerBytes()).baseUnit("bytes")
                .description("Unpacked layers of images, each once").register(registry);
        for (boolean age : new boolean[] {true, false}) {
            FunctionCounter.builder("starling.images.removed", collector, source -> age ? source.removedForAge() : source.removedForSpace())
                    .tag("reason", age ? "unused" : "disk").description("Images removed by the collection of unused ones").register(registry);
        }
        FunctionCounter.builder("starling.images.removed.size", collector, ImageCollector::removedBytes).baseUnit("bytes")
                .description("What removing them gave back to the disk").register(registry);
        FunctionCounter.builder("starling.image.pulls", puller, ImagePuller::pulls).tag("result", "done").description("Pulls of images")
                .register(registry);
        FunctionCounter.builder("starling.image.pulls", puller, ImagePuller::failures).tag("result", "failed").description("Pulls of images")
                .register(registry);
    }

    @Override
    public void close() {
        if (rounds != null) {
            rounds.cancel(false);
        }
        thread.shutdownNow();
    }
}
