package dev.starling.node.image;

import dev.starling.node.host.Threads;
import dev.starling.runtime.image.CollectionPolicy;
import dev.starling.runtime.image.ImageCollector;
import dev.starling.runtime.image.LocalImageStore;
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

/** Lets the collector look at the images every few minutes, on a thread of its own since removing layers takes a while. */
public final class ImageHousekeeping implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ImageHousekeeping.class);
    private static final long FIRST_SECONDS = 60;
    private static final long EACH_SECONDS = 300;

    private final ImageCollector collector;
    private final ImagesInUse inUse;
    private final WatchedImages images;
    private final ExecutorService thread = Executors.newSingleThreadExecutor(Threads.named("images"));
    private ScheduledFuture<?> rounds;

    public ImageHousekeeping(LocalImageStore store, WatchedImages images, ImagesInUse inUse, CollectionPolicy policy, Path directory) {
        this.collector = new ImageCollector(store, policy, () -> space(directory));
        this.inUse = inUse;
        this.images = images;
    }

    public void start(ScheduledExecutorService timer) {
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

    /** Of the file system below a directory. */
    public static ImageCollector.Space space(Path directory) {
        try {
            FileStore disk = Files.getFileStore(directory);
            return new ImageCollector.Space(disk.getTotalSpace(), disk.getUsableSpace());
        } catch (IOException e) {
            throw new UncheckedIOException("the file system of " + directory + " cannot be looked at: " + e, e);
        }
    }

    public ImageCollector collector() {
        return collector;
    }

    @Override
    public void close() {
        if (rounds != null) {
            rounds.cancel(false);
        }
        thread.shutdownNow();
    }
}
