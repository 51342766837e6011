package dev.starling.node.agent;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.Callable;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/** A timer whose time the test passes. It knows one-off delays only. */
final class ManualTimer extends AbstractExecutorService implements ScheduledExecutorService {
    private record Due(long atMillis, Runnable work) {}

    private final List<Due> due = new ArrayList<>();
    private long now;

    void pass(long millis) {
        now += millis;
        List<Due> ready = due.stream().filter(entry -> entry.atMillis <= now).toList();
        due.removeAll(ready);
        ready.forEach(entry -> entry.work.run());
    }

    /** The future is not there: nobody has asked for it yet. */
    @Override
    public ScheduledFuture<?> schedule(Runnable work, long delay, TimeUnit unit) {
        due.add(new Due(now + unit.toMillis(delay), work));
        return null;
    }

    @Override
    public <V> ScheduledFuture<V> schedule(Callable<V> work, long delay, TimeUnit unit) {
        throw new AssertionError("not expected");
    }

    @Override
    public ScheduledFuture<?> scheduleAtFixedRate(Runnable work, long initialDelay, long period, TimeUnit unit) {
        throw new AssertionError("not expected");
    }

    @Override
    public ScheduledFuture<?> scheduleWithFixedDelay(Runnable work, long initialDelay, long delay, TimeUnit unit) {
        throw new AssertionError("not expected");
    }

    @Override
    public void execute(Runnable work) {
        throw new AssertionError("not expected");
    }

    @Override
    public void shutdown() {
        throw new AssertionError("not the user's to end");
    }

    @Override
    public List<Runnable> shutdownNow() {
        throw new AssertionError("not the user's to end");
    }

    @Override
    public boolean isShutdown() {
        return false;
    }

    @Override
    public boolean isTerminated() {
        return false;
    }

    @Override
    public boolean awaitTermination(long timeout, TimeUnit unit) {
        return false;
    }
}
