package dev.starling.runtime.supervision;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.launch.Bundle;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Deletes what is left of containers, behind the back of who removed them: a file system may take long for it (a container's layer may be large, and one that
 * is mounted with {@code discard} waits for the disk at every file).
 *
 * <p>A removed container's directory is first moved here, in one step; from then on it is no container any more, also for the next agent, which deletes
 * what this one did not come to. At most {@value #MAX_WAITING} jobs wait; who comes then does the job himself.
 */
final class RemovedContainers implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(RemovedContainers.class);
    private static final int MAX_WAITING = 64;
    private static final long CLOSE_TIMEOUT_SECONDS = 10;

    private final Path directory;
    private final AtomicLong next = new AtomicLong();
    private final ThreadPoolExecutor executor;

    RemovedContainers(Path directory) throws IOException {
        this.directory = Files.createDirectories(directory);
        this.executor = new ThreadPoolExecutor(
                1, 1, 0, TimeUnit.SECONDS, new ArrayBlockingQueue<>(MAX_WAITING), RemovedContainers::thread, new ThreadPoolExecutor.CallerRunsPolicy());
        List<Path> left = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory)) {
            entries.forEach(left::add);
        }
        executor.execute(() -> left.forEach(each -> attempt(new Bundle("removed", each)::delete))); // one job: an agent that starts waits for none of it
    }

    private static Thread thread(Runnable work) {
        Thread thread = new Thread(work, "removed-containers");
        thread.setDaemon(true);
        return thread;
    }

    /** Out of the way, at once; {@link #delete} it then. */
    Bundle take(Bundle bundle) {
        Path removed = directory.resolve(next.getAndIncrement() + "-" + System.nanoTime());
        try {
            Files.move(bundle.directory(), removed, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw RuntimeShimException.system("move " + bundle.directory() + " to " + removed + ": " + e, e);
        }
        return new Bundle(bundle.id(), removed);
    }

    void delete(Bundle taken) {
        execute(taken::delete);
    }

    /** Something that may take a while. Its failure is logged. */
    void execute(Runnable work) {
        executor.execute(() -> attempt(work));
    }

    private static void attempt(Runnable work) {
        try {
            work.run();
        } catch (RuntimeException e) {
            LOG.warn("something of a removed container stays until the agent's next start: {}", e.toString());
        }
    }

    /** Waits for what is being deleted, for a while. */
    @Override
    public void close() {
        executor.shutdown();
        try {
            executor.awaitTermination(CLOSE_TIMEOUT_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
