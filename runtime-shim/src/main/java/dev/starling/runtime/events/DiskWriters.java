package dev.starling.runtime.events;

import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The threads that write to the disk what comes up on an {@link EventLoop}, which must never wait for one: a flash card may take seconds for a write, and one that
 * is dying for ever. There are threads only while there is something to write.
 *
 * <p>Each has one thing to write at a time, so a file that hangs holds one of {@value #THREADS} threads. Who hands tasks in bounds their number: each container's log has
 * one at most, and its end one.
 */
public final class DiskWriters implements Executor, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(DiskWriters.class);
    private static final int THREADS = 4;
    private static final int IDLE_SECONDS = 30;
    private static final int PATIENCE_SECONDS = 10;

    private final ThreadPoolExecutor threads;

    public DiskWriters() {
        this.threads = new ThreadPoolExecutor(
                THREADS, THREADS, IDLE_SECONDS, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), DiskWriters::thread, (task, closed) -> task.run());
        threads.allowCoreThreadTimeOut(true);
    }

    private static Thread thread(Runnable work) {
        Thread thread = new Thread(work, "disk-writer");
        thread.setDaemon(true);
        return thread;
    }

    /** In no order among tasks. Once this is closed the caller does it himself. */
    @Override
    public void execute(Runnable task) {
        threads.execute(task);
    }

    /** Waits for what was handed in, for a while. */
    @Override
    public void close() {
        threads.shutdown();
        try {
            if (threads.awaitTermination(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                return;
            }
            LOG.error("{} logs and ends of containers are not written, since the disk did not take them within {} s: they are lost when this process ends now",
                    threads.getActiveCount() + threads.getQueue().size(), PATIENCE_SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
