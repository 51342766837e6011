package dev.starling.chaos;

import dev.starling.chaos.sim.RandomRun;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;

/**
 * Many random runs, one seed after the other, for hours: {@code bench/random-runs.sh FIRST COUNT [THREADS]}. A failed seed is told at once, with what was
 * done in it, and the rest go on. Once a minute, and at the end, a line says how far it is (all seeds below the one named have been run) and what a seed takes, of the
 * clock and of a processor: beside other work these differ by much.
 */
public final class RandomRuns {
    private static final long TOLD_EACH_NANOS = 60_000_000_000L;

    private final ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    private final AtomicLong next;
    private final long first;
    private final long end;
    private final long beganNanos = System.nanoTime();
    private final TreeSet<Long> running = new TreeSet<>();
    private final TreeSet<Long> failed = new TreeSet<>();
    private long done;
    private long processorNanos;
    private long slowest;
    private long slowestNanos;
    private long toldNanos = beganNanos;

    private RandomRuns(long first, long count) {
        this.first = first;
        this.end = first + count;
        this.next = new AtomicLong(first);
    }

    /** Ends with 1 where a seed failed. */
    public static void main(String[] args) throws InterruptedException {
        if (args.length < 2) {
            System.err.println("usage: RandomRuns FIRST COUNT [THREADS]");
            System.exit(2);
        }
        RandomRuns runs = new RandomRuns(Long.parseLong(args[0]), Long.parseLong(args[1]));
        List<Thread> threads = IntStream.range(0, args.length > 2 ? Integer.parseInt(args[2]) : 1)
                .mapToObj(number -> new Thread(runs::work, "runs-" + number)).toList();
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            thread.join();
        }
        runs.tell();
        System.exit(runs.failed.isEmpty() ? 0 : 1);
    }

    private void work() {
        for (long seed = next.getAndIncrement(); seed < end; seed = next.getAndIncrement()) {
            long began = begin(seed);
            long processorBefore = threads.getCurrentThreadCpuTime();
            String failure = null;
            try {
                new RandomRun().accept(seed);
            } catch (AssertionError | RuntimeException e) {
                failure = String.valueOf(e.getMessage());
            }
            end(seed, System.nanoTime() - began, threads.getCurrentThreadCpuTime() - processorBefore, failure);
        }
    }

    private synchronized long begin(long seed) {
        running.add(seed);
        return System.nanoTime();
    }

    private synchronized void end(long seed, long nanos, long processor, String failure) {
        running.remove(seed);
        done++;
        processorNanos += processor;
        if (nanos > slowestNanos) {
            slowest = seed;
            slowestNanos = nanos;
        }
        if (failure != null) {
            failed.add(seed);
            System.out.println("FAILED " + failure);
        }
        if (System.nanoTime() - toldNanos > TOLD_EACH_NANOS) {
            tell();
        }
    }

    private synchronized void tell() {
        toldNanos = System.nanoTime();
        long below = running.isEmpty() ? Math.min(next.get(), end) : running.first();
        System.out.printf("seeds %d to %d have been run; %d passed, %d failed %s; %.2f s a seed, %.2f s of a processor, slowest %d in %.1f s%n", first,
                below - 1, done - failed.size(), failed.size(), failed, (toldNanos - beganNanos) / 1e9 / Math.max(1, done), processorNanos / 1e9 / Math.max(1, done),
                slowest, slowestNanos / 1e9);
    }
}
