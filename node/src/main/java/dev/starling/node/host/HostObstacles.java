package dev.starling.node.host;

import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.node.spec.ServiceEndpoints;
import dev.starling.scheduler.filter.OpenPorts;
import dev.starling.scheduler.model.Obstacles;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.View;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks every few seconds whether this host has the directories that services want to mount and the ports that they want to publish, so that the
 * planners pass it over where it has not. It looks on a thread of its own: the file system of a mount may hang. A service that is newer than the
 * last look may still be claimed here; then the container's start says what is missing, and the node refuses.
 */
public final class HostObstacles implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(HostObstacles.class);
    private static final long ROUND_MILLIS = 2_000;
    private static final int MOST_PATHS = 4_096;

    private final Supplier<ClusterSnapshot> snapshots;
    private final ListeningPorts ports;
    private final Consumer<Obstacles> changed;
    private final ScheduledExecutorService thread = Executors.newSingleThreadScheduledExecutor(Threads.named("obstacles"));
    private volatile Obstacles current = Obstacles.NONE;

    public HostObstacles(Supplier<ClusterSnapshot> snapshots, ListeningPorts ports, Consumer<Obstacles> changed) {
        this.snapshots = snapshots;
        this.ports = ports;
        this.changed = changed;
    }

    public void start() {
        thread.scheduleWithFixedDelay(this::look, 0, ROUND_MILLIS, TimeUnit.MILLISECONDS);
    }

    public Obstacles current() {
        return current;
    }

    void look() {
        try {
            ClusterSnapshot snapshot = snapshots.get();
            Obstacles found = new Obstacles(missingPaths(snapshot.view()), takenPorts(snapshot));
            if (!found.equals(current)) {
                current = found;
                changed.accept(found);
            }
        } catch (RuntimeException e) {
            LOG.warn("this host could not be looked at for what services want to mount and publish: {}", e.toString());
        }
    }

    private static SortedSet<String> missingPaths(View view) {
        SortedSet<String> missing = new TreeSet<>();
        view.services().values().stream().map(ServiceSpec::bindSources).flatMap(List::stream).distinct().limit(MOST_PATHS)
                .filter(source -> Files.notExists(Path.of(source))).forEach(missing::add);
        return missing;
    }

    /**
     * Of the ports that services ask for by number, and those that this node may pick for its tasks while some service leaves that to it. The ports that this
     * node's own tasks publish are known to the planners anyway, and are no obstacle to them.
     */
    private SortedSet<String> takenPorts(ClusterSnapshot snapshot) {
        Set<String> wanted = new HashSet<>();
        snapshot.view().services().values().forEach(service -> wanted.addAll(service.hostPorts()));
        boolean picks = snapshot.view().services().values().stream().anyMatch(service -> !service.openPorts().isEmpty());
        if (wanted.isEmpty() && !picks) {
            return Collections.emptySortedSet();
        }
        SortedSet<String> taken = new TreeSet<>(ports.read());
        taken.removeIf(port -> !wanted.contains(port) && !(picks && OpenPorts.mayPick(port)));
        if (picks) {
            taken.addAll(publishedEverywhere(snapshot));
        }
        taken.removeAll(ofOwnTasks(snapshot));
        return taken;
    }

    /** On this node too, although nothing listens: of those which services ask for by number, as managers pick others. */
    private static Set<String> publishedEverywhere(ClusterSnapshot snapshot) {
        Set<String> published = new HashSet<>();
        for (Document service : snapshot.documents().getOrDefault(Kind.SERVICE, List.of())) {
            ServiceEndpoints.ingressPorts(service.spec()).stream().filter(OpenPorts::mayPick).forEach(published::add);
        }
        return published;
    }

    private static Set<String> ofOwnTasks(ClusterSnapshot snapshot) {
        Set<String> own = new HashSet<>();
        for (Task task : snapshot.view().tasks().getOrDefault(snapshot.self(), List.of())) {
            ServiceSpec service = snapshot.view().services().get(task.slot().serviceUid());
            if (!task.state().isTerminal()) {
                own.addAll(task.hostPorts());
                own.addAll(service == null ? List.of() : service.hostPorts());
            }
        }
        return own;
    }

    @Override
    public void close() {
        thread.shutdownNow();
    }
}
