package dev.starling.runtime.image;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Removes images that nobody has used for long, and, where the disk gets full, those that nobody uses: a node in a field has no operator who
 * would prune it, and a full disk ends more than pulls.
 *
 * <p>Never taken is what a container or a task of this node uses, what was used a moment ago, and what is being pulled (it is no image yet, and its
 * layers are pinned). Nor what was loaded by hand: no registry would give it back. What a service of the swarm names goes last, and only under
 * pressure, since a task of it may come here while the registry is out of reach.
 *
 * <p>How long an image was unused is the age of its last use, which each round renews for what is in use ({@link BlobStore}).
 */
public final class ImageCollector {
    private static final Logger LOG = LoggerFactory.getLogger(ImageCollector.class);
    /** No image was used before this program was written: the clock was not set then. */
    private static final Instant EARLIEST = Instant.parse("2024-01-01T00:00:00Z");

    /** Of the file system that holds the images. */
    public record Space(long totalBytes, long usableBytes) {
        public double usedPercent() {
            return totalBytes <= 0 ? 0 : 100.0 * (totalBytes - usableBytes) / totalBytes;
        }
    }

    /** @param why for the log */
    public record Removed(Image image, long bytes, String why) {}

    private final LocalImageStore store;
    private final ImageShelf shelf;
    private final CollectionPolicy policy;
    private final Supplier<Space> space;
    private final LongAdder forAge = new LongAdder();
    private final LongAdder forSpace = new LongAdder();
    private final LongAdder bytes = new LongAdder();

    public ImageCollector(LocalImageStore store, CollectionPolicy policy, Supplier<Space> space) {
        this.store = store;
        this.shelf = store.shelf();
        this.policy = policy;
        this.space = space;
    }

    /** @param named whether a service of the swarm names the image */
    public List<Removed> collect(Instant now, Predicate<Image> named) {
        store.list().forEach(image -> renew(image, now));
        List<Removed> removed = new ArrayList<>();
        if (policy.unusedFor() != null) {
            for (Image image : store.list()) {
                if (mayGo(image) && !named.test(image)) {
                    take(image, now.minus(policy.unusedFor()), "not used since " + shelf.lastUsed(image), forAge, removed);
                }
            }
        }
        double used = space.get().usedPercent();
        if (policy.highPercent() < 100 && used >= policy.highPercent()) {
            makeRoom(now, named, used, removed);
        }
        return removed;
    }

    /** What is in use is used now; a time that cannot be is no reason to remove anything. */
    private void renew(Image image, Instant now) {
        Instant last = shelf.lastUsed(image);
        if (shelf.isInUse(image) || last.isBefore(EARLIEST) || last.isAfter(now.plus(Duration.ofDays(1)))) {
            shelf.use(image, now);
        }
    }

    private void makeRoom(Instant now, Predicate<Image> named, double used, List<Removed> removed) {
        store.forgetDownloads(now);
        List<Image> candidates = new ArrayList<>(store.list().stream().filter(this::mayGo).toList());
        candidates.sort(Comparator.comparing((Image image) -> named.test(image)).thenComparing(shelf::lastUsed));
        for (Image image : candidates) {
            if (space.get().usedPercent() <= policy.lowPercent()) {
                return;
            }
            take(image, now.minus(policy.leastUnused()), String.format(Locale.ROOT, "the disk is %.0f %% full (disk-high %d)", used,
                    policy.highPercent()), forSpace, removed);
        }
        if (space.get().usedPercent() >= policy.highPercent()) {
            LOG.warn("the disk of the images is {} % full, and no image is left that could go: the others are in use, were used just now, or were loaded"
                    + " by hand", Math.round(space.get().usedPercent()));
        }
    }

    private boolean mayGo(Image image) {
        return !image.digests().isEmpty() && !shelf.isInUse(image);
    }

    private void take(Image image, Instant unusedSince, String why, LongAdder count, List<Removed> removed) {
        ImageStore.Pruned pruned = shelf.collect(image.id(), unusedSince);
        if (!pruned.lines().isEmpty()) {
            count.increment();
            bytes.add(pruned.bytes());
            removed.add(new Removed(image, pruned.bytes(), why));
            String name = !image.tags().isEmpty() ? image.tags().get(0) : image.digests().get(0);
            LOG.info("image {} ({}) was removed, {} bytes: {}", name, Digest.parse(image.id(), "catalog").abbreviated(), pruned.bytes(), why);
        }
    }

    public long removedForAge() {
        return forAge.sum();
    }

    public long removedForSpace() {
        return forSpace.sum();
    }

    public long removedBytes() {
        return bytes.sum();
    }
}
