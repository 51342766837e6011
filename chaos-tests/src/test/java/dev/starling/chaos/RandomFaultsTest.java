package dev.starling.chaos;

import static org.junit.jupiter.api.Assertions.fail;

import dev.starling.chaos.invariant.AcknowledgedWritesAreKept;
import dev.starling.chaos.invariant.AddressesAreUnique;
import dev.starling.chaos.invariant.CapacityRespected;
import dev.starling.chaos.invariant.ClaimsNeverGoBack;
import dev.starling.chaos.invariant.CompletedWorkStaysDone;
import dev.starling.chaos.invariant.DevicesAreWithOneTask;
import dev.starling.chaos.invariant.EachSlotRunsOnce;
import dev.starling.chaos.invariant.ExclusiveSlotsRunOnce;
import dev.starling.chaos.invariant.GenerationsNeverGoBack;
import dev.starling.chaos.invariant.Invariant;
import dev.starling.chaos.invariant.JobsAreDone;
import dev.starling.chaos.invariant.NoSlotRunsTwice;
import dev.starling.chaos.invariant.OneWriterPerRecord;
import dev.starling.chaos.invariant.ViewsAreEqual;
import dev.starling.chaos.sim.Nemesis;
import dev.starling.chaos.sim.Operator;
import dev.starling.chaos.sim.Simulation;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Random clusters under random faults while operators write. Safety is checked after every event; when the faults end, everything must come
 * to rest as it should be. In each fourth run the services want more than the nodes have: then not every slot can run, but none may twice.
 *
 * <p>{@code -Dchaos.seed=N} replays one run, {@code -Dchaos.seeds=N} runs that many from {@code -Dchaos.first=N} on.
 */
class RandomFaultsTest {
    private static final int DEFAULT_SEEDS = 500;
    private static final long CALM_LIMIT_MILLIS = 180_000;
    private static final int STRIKES = 25;

    static LongStream seeds() {
        Long one = Long.getLong("chaos.seed");
        long first = Long.getLong("chaos.first", 1);
        return one != null ? LongStream.of(one) : LongStream.range(first, first + Long.getLong("chaos.seeds", DEFAULT_SEEDS));
    }

    @ParameterizedTest(name = "seed {0}")
    @MethodSource("seeds")
    void comesToRestAfterRandomFaults(long seed) {
        Simulation cluster = new Simulation(seed);
        cluster.rebalanceAfter(Duration.ofSeconds(10), Duration.ofSeconds(2));
        cluster.addNodes(3 + cluster.random().nextInt(8));
        boolean scarce = cluster.random().nextInt(4) == 0;
        OneWriterPerRecord oneWriter = new OneWriterPerRecord();
        cluster.always(new CapacityRespected());
        cluster.always(new GenerationsNeverGoBack());
        cluster.always(new ClaimsNeverGoBack());
        cluster.always(new DevicesAreWithOneTask());
        cluster.always(new CompletedWorkStaysDone());
        cluster.always(oneWriter);
        cluster.always(new ExclusiveSlotsRunOnce());
        cluster.periodically(oneWriter);
        cluster.startAll();
        cluster.runFor(5_000);
        Nemesis nemesis = new Nemesis(cluster);
        Operator operator = new Operator(cluster, scarce);
        cluster.runFor(1_000);
        AcknowledgedWritesAreKept kept = new AcknowledgedWritesAreKept(operator::deleted);
        List<Invariant> atRest = new ArrayList<>(List.of(new ViewsAreEqual(), new NoSlotRunsTwice(), kept, new AddressesAreUnique()));
        if (!scarce) {
            atRest.add(new EachSlotRunsOnce());
            atRest.add(new JobsAreDone());
        }
        try {
            for (int strike = 0; strike < STRIKES; strike++) {
                nemesis.strike();
                operator.act();
                cluster.runFor(200 + cluster.random().nextLong(4_000));
            }
            cluster.heal();
            cluster.settle(List.of(new ViewsAreEqual()), CALM_LIMIT_MILLIS); // what was drained on one side of a partition is known to all
            operator.activateAll();
            cluster.settle(atRest, CALM_LIMIT_MILLIS);
        } catch (AssertionError | RuntimeException e) {
            fail("seed " + seed + " of " + cluster.nodes().size() + " nodes" + (scarce ? " with too little room" : "") + ": " + e.getMessage()
                    + "\n  replay: mvn -o -pl chaos-tests -am test -Dtest=RandomFaultsTest -Dsurefire.failIfNoSpecifiedTests=false -Dchaos.seed="
                    + seed + "\n  " + String.join("\n  ", nemesis.log()) + "\n  " + String.join("\n  ", operator.log()), e);
        }
    }
}
