package dev.starling.node.host;

import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.lang.management.MemoryUsage;
import java.util.Optional;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Says in time that the cluster's state outgrows this agent's heap. Each node holds all of it, so it is the cluster that grows and the
 * smallest -Xmx that gives in. What counts is what was left after a collection, not what is in use.
 */
public final class HeapWatch implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(HeapWatch.class);
    private static final double FULL = 0.8;
    private static final long LOOK_SECONDS = 10;
    private static final long WARN_AGAIN_SECONDS = 600;
    private static final long MEBIBYTE = 1 << 20;

    private final MemoryPoolMXBean oldGeneration;
    private final Supplier<String> holding;
    private final ScheduledFuture<?> looking;
    private long secondsSinceWarning = WARN_AGAIN_SECONDS;

    /** @param holding what the state consists of, for the warning */
    public HeapWatch(ScheduledExecutorService timer, Supplier<String> holding) {
        this.holding = holding;
        this.oldGeneration = ManagementFactory.getMemoryPoolMXBeans().stream()
                .filter(pool -> pool.getType() == MemoryType.HEAP && pool.isCollectionUsageThresholdSupported() && pool.isUsageThresholdSupported())
                .findFirst().orElse(null); // of the heap's pools only the old generation has a usage threshold
        this.looking = timer.scheduleWithFixedDelay(this::look, LOOK_SECONDS, LOOK_SECONDS, TimeUnit.SECONDS);
    }

    /** The share of the old generation that was in use after the last collection of it; 0 before the first. */
    public double fullness() {
        MemoryUsage after = oldGeneration == null ? null : oldGeneration.getCollectionUsage();
        return after == null || after.getMax() <= 0 ? 0 : (double) after.getUsed() / after.getMax();
    }

    private void look() {
        secondsSinceWarning = Math.min(WARN_AGAIN_SECONDS, secondsSinceWarning + LOOK_SECONDS);
        warning(fullness(), Runtime.getRuntime().maxMemory()).filter(text -> secondsSinceWarning >= WARN_AGAIN_SECONDS).ifPresent(text -> {
            secondsSinceWarning = 0;
            LOG.warn(text);
        });
    }

    Optional<String> warning(double fullness, long maxBytes) {
        if (fullness < FULL) {
            return Optional.empty();
        }
        long now = Math.round((double) maxBytes / MEBIBYTE);
        return Optional.of("the heap is %.0f %% full after a collection: this node holds %s. Raise -Xmx (now about %d MiB) to %d MiB or more in jvm.options"
                .formatted(fullness * 100, holding.get(), now, (long) Math.ceil(now * fullness / 0.5 / 16) * 16)
                + " and restart the agent; containers go on meanwhile. At 100 % the agent ends");
    }

    @Override
    public void close() {
        looking.cancel(false);
    }
}
