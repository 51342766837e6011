package dev.starling.node.image;

import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.NodeReport;
import dev.starling.node.host.Threads;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.scheduler.model.NodeConditions;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Fetches, in good time, the image of a task that would come here if another node of the site were gone ({@link PrefetchChoice}), so that a takeover does
 * not wait for a download that may no longer be possible by then. Only from nodes of the site, never from outside; one image a minute; not where the disk is
 * filling up, nor on a node with a dear link, a low battery or heat.
 */
public final class Prefetch implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Prefetch.class);
    private static final long EACH_SECONDS = 60;
    private static final long IDLE_SECONDS = 5;

    private final WatchedImages images;
    private final BlobExchange exchange;
    private final Supplier<ClusterSnapshot> snapshots;
    private final BooleanSupplier hasRoom;
    private final ThreadPoolExecutor thread =
            new ThreadPoolExecutor(1, 1, IDLE_SECONDS, TimeUnit.SECONDS, new LinkedBlockingQueue<>(1), Threads.named("prefetch"));
    private ScheduledFuture<?> rounds;
    private long turn;

    /** @param hasRoom whether the disk can take another image without unused ones having to go */
    public Prefetch(WatchedImages images, BlobExchange exchange, Supplier<ClusterSnapshot> snapshots, BooleanSupplier hasRoom) {
        this.images = images;
        this.exchange = exchange;
        this.snapshots = snapshots;
        this.hasRoom = hasRoom;
        thread.allowCoreThreadTimeOut(true);
    }

    public void start(ScheduledExecutorService timer) {
        rounds = timer.scheduleWithFixedDelay(this::submit, EACH_SECONDS, EACH_SECONDS, TimeUnit.SECONDS);
    }

    private void submit() {
        try {
            thread.execute(this::round);
        } catch (RejectedExecutionException busy) {
            // the image before is still on its way, or the agent ends
        }
    }

    /** Package-private for the test. */
    void round() {
        ClusterSnapshot snapshot = snapshots.get();
        if (snapshot == null || !isAtEase(snapshot) || !hasRoom.getAsBoolean()) {
            return;
        }
        PrefetchChoice.of(snapshot, image -> images.find(image) != null, turn++).ifPresent(image -> {
            try {
                images.pullFrom(image, exchange.near(image));
                LOG.info("{} was fetched from the site: this node would be the next to run it", image);
            } catch (RuntimeShimException unavailable) {
                LOG.debug("{} cannot be fetched ahead of its need: {}", image, unavailable.getMessage());
            }
        });
    }

    private static boolean isAtEase(ClusterSnapshot snapshot) {
        NodeReport own = snapshot.reports().get(snapshot.self());
        return own != null && own.conditions().equals(NodeConditions.NONE);
    }

    @Override
    public void close() {
        if (rounds != null) {
            rounds.cancel(false);
        }
        thread.shutdownNow();
    }
}
