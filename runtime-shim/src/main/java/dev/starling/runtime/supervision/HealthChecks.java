package dev.starling.runtime.supervision;

import dev.starling.runtime.ExecProcess;
import dev.starling.runtime.ExecSpec;
import dev.starling.runtime.Health;
import dev.starling.runtime.Health.Result;
import dev.starling.runtime.HealthCheck;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.kernel.Signals;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Instant;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Probes the containers that have a health check, each one interval after the last probe's end. An adopted container is probed anew, from
 * STARTING on.
 */
final class HealthChecks implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(HealthChecks.class);
    private static final int THREADS = 2;
    private static final int MAX_OUTPUT_BYTES = 4096;

    private final Execs execs;
    private final Clock clock;
    private final Consumer<Supervised> changed;
    private final ScheduledThreadPoolExecutor timer;

    /** @param changed told of each container whose status is another now, on a thread of this */
    HealthChecks(Execs execs, Clock clock, Consumer<Supervised> changed) {
        this.execs = execs;
        this.clock = clock;
        this.changed = changed;
        this.timer = new ScheduledThreadPoolExecutor(THREADS, task -> {
            Thread thread = new Thread(task, "health-checks");
            thread.setDaemon(true);
            return thread;
        });
        timer.setRemoveOnCancelPolicy(true);
    }

    /** Until the container ends; nothing where it has no check. */
    void watch(Supervised container) {
        if (container.health().status() != Health.Status.NONE) {
            schedule(container);
        }
    }

    private void schedule(Supervised container) {
        if (container.state().hasEnded()) {
            return;
        }
        long millis = container.health().untilNext(check(container), startedAt(container), clock.instant()).toMillis();
        try {
            timer.schedule(() -> probe(container), millis, TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException e) {
            // closed meanwhile: the next agent goes on
        }
    }

    private static HealthCheck check(Supervised container) {
        return container.state().plan().health();
    }

    private static Instant startedAt(Supervised container) {
        return container.container().startedAt();
    }

    private void probe(Supervised container) {
        if (container.state().hasEnded()) {
            return;
        }
        if (container.paused()) {
            schedule(container);
            return;
        }
        new Probe(container, clock.instant()).start();
    }

    private void done(Supervised container, Result result) {
        Health before = container.health();
        if (container.health(before.after(result, check(container), startedAt(container)))) {
            LOG.info("container {} is {} now", container.state().spec().name(), container.health().status());
            changed.accept(container);
        }
        schedule(container);
    }

    @Override
    public void close() {
        timer.shutdownNow();
    }

    /** One run of the command. Its output comes on the event loop's thread, and so does its end. */
    private final class Probe implements ExecProcess.Output {
        private final Supervised container;
        private final Instant begun;
        private final ByteArrayOutputStream output = new ByteArrayOutputStream();
        private volatile boolean tookTooLong;

        Probe(Supervised container, Instant begun) {
            this.container = container;
            this.begun = begun;
        }

        void start() {
            HealthCheck check = check(container);
            try {
                ExecProcess process = execs.start(container, ExecSpec.of(check.command()), this);
                var limit = timer.schedule(() -> {
                    tookTooLong = true;
                    process.signal(Signals.SIGKILL);
                }, check.timeoutMillis(), TimeUnit.MILLISECONDS);
                process.exit().thenAccept(code -> {
                    limit.cancel(false);
                    if (tookTooLong) {
                        end(-1, "Health check exceeded timeout (" + check.timeoutMillis() / 1000.0 + "s)");
                    } else {
                        end(code.orElse(-1), output.toString(StandardCharsets.UTF_8));
                    }
                });
            } catch (RejectedExecutionException e) {
                // the agent ends
            } catch (RuntimeShimException e) {
                end(-1, e.getMessage());
            } catch (RuntimeException e) {
                LOG.error("the health of container {} could not be probed", container.id(), e); // and will be again: not a word of the timer's own otherwise
                end(-1, e.toString());
            }
        }

        private void end(int exitCode, String text) {
            if (timer.isShutdown()) { // cut off with the agent, which says nothing of the container
                return;
            }
            if (!container.state().hasEnded()) {
                done(container, new Result(begun, clock.instant(), exitCode, text));
            }
        }

        @Override
        public boolean accept(int stream, byte[] bytes) {
            output.write(bytes, 0, Math.min(bytes.length, MAX_OUTPUT_BYTES - output.size()));
            return true;
        }
    }
}
