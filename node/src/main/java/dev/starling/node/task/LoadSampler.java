package dev.starling.node.task;

import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.host.Threads;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.cgroup.ControlGroupStats;
import dev.starling.scheduler.model.AutoscalePolicy;
import dev.starling.scheduler.model.ServiceLoad;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Measures what this node's tasks of autoscaled services use, by their control groups' counters, and tells it when it has changed: at most one
 * value each round, of some 30 bytes a service, and none while loads are steady. Services without {@code starling.autoscale.*} cost nothing.
 *
 * <p>Memory is what the kernel could not take back at once: without the file cache that is not in use, as {@code docker stats} counts it.
 */
public final class LoadSampler implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(LoadSampler.class);
    private static final long ROUND_MILLIS = 3_000;
    private static final List<String> IDLE_CACHE = List.of("total_inactive_file", "inactive_file"); // cgroup v1, v2

    private record Sample(long cpuNanos, long atNanos) {}

    private static final class Levels {
        final LoadLevel cpu = new LoadLevel();
        final LoadLevel memory = new LoadLevel();
    }

    private final Supplier<ClusterSnapshot> snapshots;
    private final Function<String, ControlGroupStats> usage;
    private final LongSupplier nanoTime;
    private final Consumer<List<ServiceLoad>> changed;
    private final ScheduledExecutorService thread = Executors.newSingleThreadScheduledExecutor(Threads.named("load"));
    private final Map<String, Sample> samples = new HashMap<>();
    private final Map<String, Levels> levels = new HashMap<>();
    private List<ServiceLoad> told = List.of();

    /** @param usage what a container has used, by its id; throws {@link RuntimeShimException} for one that does not run */
    public LoadSampler(Supplier<ClusterSnapshot> snapshots, Function<String, ControlGroupStats> usage, Consumer<List<ServiceLoad>> changed) {
        this(snapshots, usage, System::nanoTime, changed);
    }

    LoadSampler(Supplier<ClusterSnapshot> snapshots, Function<String, ControlGroupStats> usage, LongSupplier nanoTime,
            Consumer<List<ServiceLoad>> changed) {
        this.snapshots = snapshots;
        this.usage = usage;
        this.nanoTime = nanoTime;
        this.changed = changed;
    }

    public void start() {
        thread.scheduleWithFixedDelay(this::guardedLook, ROUND_MILLIS, ROUND_MILLIS, TimeUnit.MILLISECONDS);
    }

    private void guardedLook() {
        try {
            look();
        } catch (RuntimeException e) {
            LOG.warn("the load of this node's tasks could not be measured: {}", e.toString(), e);
        }
    }

    /** One round. */
    void look() {
        ClusterSnapshot snapshot = snapshots.get();
        SortedMap<String, List<double[]>> shares = new TreeMap<>();
        Set<String> seen = new HashSet<>();
        for (Task task : snapshot.view().tasks().getOrDefault(snapshot.self(), List.of())) {
            ServiceSpec service = snapshot.view().services().get(task.slot().serviceUid());
            if (service != null && service.site().autoscale().isOn() && task.state() == TaskState.RUNNING && !task.containerId().isEmpty()) {
                seen.add(task.id());
                double[] share = measured(task, service.site().autoscale());
                if (share != null) {
                    shares.computeIfAbsent(service.uid(), uid -> new ArrayList<>()).add(share);
                }
            }
        }
        samples.keySet().retainAll(seen);
        levels.keySet().retainAll(shares.keySet());
        List<ServiceLoad> loads = shares.entrySet().stream().map(entry -> load(entry.getKey(), entry.getValue())).toList();
        if (!loads.equals(told)) {
            told = loads;
            changed.accept(loads);
        }
    }

    private ServiceLoad load(String service, List<double[]> shares) {
        Levels level = levels.computeIfAbsent(service, uid -> new Levels());
        return new ServiceLoad(service, shares.size(), level.cpu.next(shares.stream().mapToDouble(share -> share[0]).average().orElse(0)),
                level.memory.next(shares.stream().mapToDouble(share -> share[1]).average().orElse(0)));
    }

    /** CPU and memory as shares of what the policy wants; null for a task that is seen for the first time, or has just ended. */
    private double[] measured(Task task, AutoscalePolicy policy) {
        ControlGroupStats stats;
        try {
            stats = usage.apply(task.containerId());
        } catch (RuntimeShimException e) {
            return null; // it has ended, which the runtime reports by itself
        }
        Sample now = new Sample(stats.cpuNanos(), nanoTime.getAsLong());
        Sample before = samples.put(task.id(), now);
        if (before == null || now.atNanos == before.atNanos) {
            return null;
        }
        double cpus = Math.max(0, now.cpuNanos - before.cpuNanos) * 1e9 / (now.atNanos - before.atNanos);
        return new double[] {share(cpus, policy.cpuPerTask(), policy.cpuPercent()), share(memory(stats), policy.memoryPerTask(), policy.memoryPercent())};
    }

    private static long memory(ControlGroupStats stats) {
        long idle = IDLE_CACHE.stream().map(stats.memory()::get).filter(bytes -> bytes != null).findFirst().orElse(0L);
        return Math.max(0, stats.memoryBytes() - idle);
    }

    private static double share(double used, long all, int percent) {
        return percent == 0 || all == 0 ? 0 : used / all * 100 / percent;
    }

    @Override
    public void close() {
        thread.shutdownNow();
    }
}
