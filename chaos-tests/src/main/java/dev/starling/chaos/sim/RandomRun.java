package dev.starling.chaos.sim;

import dev.starling.chaos.invariant.AcknowledgedWritesAreKept;
import dev.starling.chaos.invariant.AddressesAreUnique;
import dev.starling.chaos.invariant.CapacityRespected;
import dev.starling.chaos.invariant.ClaimsNeverGoBack;
import dev.starling.chaos.invariant.CompletedWorkStaysDone;
import dev.starling.chaos.invariant.DevicesAreWithOneTask;
import dev.starling.chaos.invariant.ExclusiveSlotsRunOnce;
import dev.starling.chaos.invariant.GenerationsNeverGoBack;
import dev.starling.chaos.invariant.HistoryIsBounded;
import dev.starling.chaos.invariant.Invariant;
import dev.starling.chaos.invariant.JobsAreDone;
import dev.starling.chaos.invariant.MinoritiesStartNothing;
import dev.starling.chaos.invariant.NoSlotRunsTwice;
import dev.starling.chaos.invariant.OneWriterPerRecord;
import dev.starling.chaos.invariant.PlacesAreNotShared;
import dev.starling.chaos.invariant.RestartsAreBounded;
import dev.starling.chaos.invariant.RolesAreAsAsked;
import dev.starling.chaos.invariant.ServicesAreSettled;
import dev.starling.chaos.invariant.TasksAreEven;
import dev.starling.chaos.invariant.Templates;
import dev.starling.chaos.invariant.ViewsAreEqual;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongConsumer;
import java.util.random.RandomGenerator;

/**
 * One random cluster of 3 to 50 nodes, with random services, under random faults while operators write. Safety is checked after every event; when the
 * faults end, everything must come to rest as it should be. Then, in calm, one more thing is asked of it ({@link Aftermath}).
 *
 * <p>In each third run nodes join and some are removed while the faults go on, in each second some are promoted and demoted ({@link Turnover}). In each fourth run the services want more than the nodes have: then not every slot can run, but none may twice, and who waits has no place.
 */
public final class RandomRun implements LongConsumer {
    private static final long CALM_LIMIT_MILLIS = 420_000;
    /** DESIGN.md section 8: duplicates end within 45 s of healing. */
    private static final long DUPLICATES_LIMIT_MILLIS = 45_000;
    private static final long LOOK_MILLIS = 1_000;
    private static final int STRIKES = 25;
    /** Between so many nodes one strike is a thousand messages. */
    private static final int STRIKES_ON_MANY = 8;
    private static final int MANY = 20;
    private static final int HISTORY = 5;

    private final int mostNodes;
    private final boolean openPorts;

    public RandomRun() {
        this(50, false);
    }

    /** @param mostNodes smaller clusters are faster to simulate; a seed is another run then */
    public RandomRun(int mostNodes) {
        this(mostNodes, false);
    }

    /** @param openPorts services publish ports under numbers that nodes pick; a seed is another run then */
    public RandomRun(int mostNodes, boolean openPorts) {
        this.mostNodes = mostNodes;
        this.openPorts = openPorts;
    }

    /** @throws AssertionError with what was done, where an invariant does not hold */
    @Override
    public void accept(long seed) {
        Simulation cluster = new Simulation(seed);
        cluster.rebalanceAfter(Duration.ofSeconds(10), Duration.ofSeconds(2));
        cluster.addNodes(Math.min(mostNodes, size(cluster.random())));
        boolean scarce = cluster.random().nextInt(4) == 0;
        Templates templates = new Templates();
        guard(cluster, templates);
        cluster.startAll();
        cluster.runFor(5_000);
        Turnover turnover = Turnover.of(cluster.random().nextInt(6));
        Nemesis nemesis = new Nemesis(cluster, turnover);
        Operator operator = new Operator(cluster, scarce, openPorts, turnover);
        cluster.runFor(1_000);
        try {
            int strikes = cluster.nodes().size() > MANY ? STRIKES_ON_MANY : STRIKES;
            for (int strike = 0; strike < strikes; strike++) {
                nemesis.strike();
                operator.act();
                cluster.runFor(200 + cluster.random().nextLong(4_000));
            }
            comeToRest(cluster, operator, atRest(templates, operator, scarce));
            Aftermath.of(cluster, operator, scarce).run();
        } catch (AssertionError | RuntimeException e) {
            throw new AssertionError("seed " + seed + " of " + cluster.nodes().size() + " nodes" + (scarce ? " with too little room" : "") + ": "
                    + e.getMessage() + "\n  replay: mvn -o -pl chaos-tests -am test -Dtest=RandomFaultsTest -Dsurefire.failIfNoSpecifiedTests=false"
                    + " -Dchaos.seed=" + seed + "\n  " + String.join("\n  ", nemesis.log()) + "\n  " + String.join("\n  ", operator.log()), e);
        }
    }

    /** Mostly few: what goes wrong between many goes wrong between some, and costs less to find there. */
    private static int size(RandomGenerator random) {
        return switch (random.nextInt(100)) {
            case 0 -> 21 + random.nextInt(30);
            case 1, 2, 3, 4, 5, 6 -> 11 + random.nextInt(10);
            default -> 3 + random.nextInt(8);
        };
    }

    private static void guard(Simulation cluster, Templates templates) {
        OneWriterPerRecord oneWriter = new OneWriterPerRecord();
        MinoritiesStartNothing minorities = new MinoritiesStartNothing();
        cluster.always(new CapacityRespected(templates));
        cluster.always(new PlacesAreNotShared(templates));
        cluster.always(new RestartsAreBounded(templates));
        cluster.always(new GenerationsNeverGoBack());
        cluster.always(new ClaimsNeverGoBack());
        cluster.always(new DevicesAreWithOneTask());
        cluster.always(new CompletedWorkStaysDone());
        cluster.always(new ExclusiveSlotsRunOnce());
        cluster.always(oneWriter);
        cluster.always(minorities);
        cluster.periodically(oneWriter);
        cluster.periodically(minorities);
    }

    private static List<Invariant> atRest(Templates templates, Operator operator, boolean scarce) {
        List<Invariant> atRest = new ArrayList<>(List.of(new ViewsAreEqual(), new NoSlotRunsTwice(), new AcknowledgedWritesAreKept(operator::deleted),
                new AddressesAreUnique(), new HistoryIsBounded(HISTORY), new RolesAreAsAsked()));
        if (!scarce) {
            atRest.add(new TasksAreEven());
            atRest.add(new JobsAreDone());
        }
        atRest.add(new ServicesAreSettled(templates));
        return atRest;
    }

    private static void comeToRest(Simulation cluster, Operator operator, List<Invariant> atRest) {
        cluster.heal();
        cluster.settle(List.of(new NoSlotRunsTwice()), DUPLICATES_LIMIT_MILLIS);
        if (cluster.random().nextBoolean()) {
            cluster.settle(List.of(new ViewsAreEqual()), CALM_LIMIT_MILLIS); // what was drained on one side of a partition is known to all
            operator.activateAll();
        }
        cluster.settle(List.of(new ViewsAreEqual()), CALM_LIMIT_MILLIS);
        operator.mendAll();
        long end = cluster.now() + CALM_LIMIT_MILLIS;
        while (cluster.now() < end && !atRest.stream().allMatch(invariant -> invariant.holds(cluster))) {
            cluster.runFor(LOOK_MILLIS); // looking is what costs here
        }
        atRest.forEach(cluster::check);
    }
}
