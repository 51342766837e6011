package dev.starling.chaos.promises;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.chaos.invariant.CapacityRespected;
import dev.starling.chaos.invariant.ClaimsNeverGoBack;
import dev.starling.chaos.invariant.EachSlotRunsOnce;
import dev.starling.chaos.invariant.GenerationsNeverGoBack;
import dev.starling.chaos.invariant.Invariant;
import dev.starling.chaos.invariant.ViewsAreEqual;
import dev.starling.chaos.sim.Services;
import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.Document;
import dev.starling.scheduler.model.Task;
import java.util.Collection;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.LongStream;

/** What the scenarios have in common: a cluster at rest, services on it, and who runs what. */
final class Scene {
    static final List<Invariant> AT_REST = List.of(new ViewsAreEqual(), new EachSlotRunsOnce());
    static final long CALM_MILLIS = 90_000;

    private Scene() {}

    /** Seeds 1 to {@code few}; {@code -DNAME.seeds=N} for more, {@code -DNAME.first=N} to begin elsewhere, {@code -DNAME.seed=N} for one. */
    static LongStream seeds(String name, int few) {
        Long one = Long.getLong(name + ".seed");
        long first = Long.getLong(name + ".first", 1);
        return one != null ? LongStream.of(one) : LongStream.range(first, first + Long.getLong(name + ".seeds", few));
    }

    /** So many nodes that know each other, with the invariants on that no event may break. */
    static Simulation calm(long seed, int nodes) {
        Simulation cluster = new Simulation(seed);
        cluster.addNodes(nodes);
        cluster.always(new CapacityRespected());
        cluster.always(new GenerationsNeverGoBack());
        cluster.always(new ClaimsNeverGoBack());
        cluster.startAll();
        cluster.settle(List.of(new ViewsAreEqual()), CALM_MILLIS);
        cluster.runFor(2_000);
        return cluster;
    }

    static Document create(Simulation cluster, SimNode at, Services service) {
        return at.operate((core, now) -> core.create(Kind.SERVICE, null, service.body(), now));
    }

    static void update(SimNode at, String uid, Services service) {
        ObjectNode body = service.body();
        at.operate((core, now) -> {
            Document here = core.documents(Kind.SERVICE).stream().filter(document -> document.uid().equals(uid)).findFirst().orElseThrow();
            return core.update(uid, here.object().generation(), body, now);
        });
    }

    static SimNode any(Simulation cluster, List<SimNode> of) {
        return of.get(cluster.random().nextInt(of.size()));
    }

    static int running(Collection<SimNode> nodes) {
        return nodes.stream().mapToInt(node -> node.running().size()).sum();
    }

    static SortedSet<String> runningIds(Collection<SimNode> nodes) {
        SortedSet<String> ids = new TreeSet<>();
        nodes.forEach(node -> node.running().stream().map(Task::id).forEach(ids::add));
        return ids;
    }
}
