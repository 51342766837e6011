package dev.starling.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.chaos.invariant.CompletedWorkStaysDone;
import dev.starling.chaos.invariant.Invariant;
import dev.starling.chaos.invariant.JobsAreDone;
import dev.starling.chaos.invariant.ViewsAreEqual;
import dev.starling.chaos.sim.Services;
import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.gossip.desired.Kind;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a job has done stays done: over deaths, removals and lost disks of the nodes that did it. */
class JobsOutliveNodesTest {
    private static final List<Invariant> AT_REST = List.of(new ViewsAreEqual(), new JobsAreDone());

    @ParameterizedTest(name = "seed {0}")
    @ValueSource(longs = {1, 2, 3, 4, 5})
    void nodesThatDidTheWorkGoOneByOne(long seed) {
        Simulation cluster = new Simulation(seed);
        cluster.addNodes(8);
        cluster.always(new CompletedWorkStaysDone());
        cluster.startAll();
        cluster.runFor(5_000);
        create(cluster, Services.job("job", 24, 6));
        create(cluster, Services.globalJob("each"));
        cluster.settle(AT_REST, 60_000);
        cluster.runFor(3_000); // for the keepers' sums
        assertEquals(32, completions(cluster), "each once");
        for (int index = 7; index >= 3; index--) {
            SimNode node = cluster.nodes().get(index);
            node.powerCut();
            assertTrue(cluster.runUntil(() -> cluster.nodes().get(0).core().view().nodes().get(node.id()) == null
                    || !cluster.nodes().get(0).core().view().nodes().get(node.id()).ready(), 30_000), "its death is known");
            cluster.nodes().get(0).operate((core, now) -> core.delete(node.id().value(), now));
            cluster.runFor(5_000);
        }
        SimNode survivor = cluster.nodes().get(1);
        survivor.loseDisk();
        survivor.start();
        cluster.runFor(20_000);
        cluster.settle(List.of(new JobsAreDone()), 60_000);
        assertEquals(32, completions(cluster), "nothing was done again");
    }

    private static void create(Simulation cluster, Services service) {
        cluster.nodes().get(0).operate((core, now) -> core.create(Kind.SERVICE, null, service.body(), now));
    }

    private static int completions(Simulation cluster) {
        return cluster.nodes().stream().mapToInt(node -> node.completed().size()).sum();
    }
}
