package dev.starling.chaos;

import static org.junit.jupiter.api.Assertions.fail;

import dev.starling.chaos.invariant.AcknowledgedWritesAreKept;
import dev.starling.chaos.invariant.AddressesAreUnique;
import dev.starling.chaos.invariant.CapacityRespected;
import dev.starling.chaos.invariant.EachSlotRunsOnce;
import dev.starling.chaos.invariant.GenerationsNeverGoBack;
import dev.starling.chaos.invariant.Invariant;
import dev.starling.chaos.invariant.ViewsAreEqual;
import dev.starling.chaos.sim.Nemesis;
import dev.starling.chaos.sim.Services;
import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.Document;
import dev.starling.node.core.WriteRefusedException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Random clusters under random faults while operators write. Safety is checked all along; when the faults end, everything must come to
 * rest as it should be. {@code -Dchaos.seed=N} replays one run, {@code -Dchaos.seeds=N} runs that many.
 */
class RandomFaultsTest {
    private static final int DEFAULT_SEEDS = 25;
    private static final long CALM_LIMIT_MILLIS = 180_000;
    private static final int STRIKES = 25;

    static LongStream seeds() {
        Long one = Long.getLong("chaos.seed");
        return one != null ? LongStream.of(one) : LongStream.rangeClosed(1, Integer.getInteger("chaos.seeds", DEFAULT_SEEDS));
    }

    @ParameterizedTest(name = "seed {0}")
    @MethodSource("seeds")
    void comesToRestAfterRandomFaults(long seed) {
        Simulation cluster = new Simulation(seed);
        cluster.addNodes(3 + cluster.random().nextInt(8));
        AcknowledgedWritesAreKept kept = new AcknowledgedWritesAreKept();
        cluster.always(new CapacityRespected());
        cluster.always(new GenerationsNeverGoBack());
        cluster.startAll();
        cluster.runFor(5_000);
        Nemesis nemesis = new Nemesis(cluster);
        List<Document> services = new ArrayList<>();
        try {
            for (int strike = 0; strike < STRIKES; strike++) {
                nemesis.strike();
                operate(cluster, services, kept);
                cluster.runFor(200 + cluster.random().nextLong(4_000));
            }
            cluster.heal();
            List<Invariant> atRest = List.of(new ViewsAreEqual(), new EachSlotRunsOnce(), kept, new AddressesAreUnique());
            boolean calm = cluster.runUntil(() -> atRest.stream().allMatch(invariant -> invariant.violation(cluster).isEmpty()),
                    CALM_LIMIT_MILLIS);
            if (!calm) {
                atRest.forEach(cluster::check);
            }
        } catch (AssertionError | RuntimeException e) {
            fail("seed " + seed + ": " + e.getMessage() + "\n  " + String.join("\n  ", nemesis.log()), e);
        }
    }

    /** A random operator at a random running node; a refusal is an answer too. */
    private static void operate(Simulation cluster, List<Document> services, AcknowledgedWritesAreKept kept) {
        List<SimNode> up = cluster.upNodes();
        if (up.isEmpty()) {
            return;
        }
        SimNode node = up.get(cluster.random().nextInt(up.size()));
        try {
            switch (cluster.random().nextInt(5)) {
                case 0, 1 -> services.add(node.operate((core, now) -> core.create(Kind.SERVICE, null,
                        service("s" + services.size(), cluster), now)));
                case 2 -> change(cluster, node, services);
                case 3 -> {
                    if (!services.isEmpty()) {
                        Document service = services.get(cluster.random().nextInt(services.size()));
                        node.operate((core, now) -> core.delete(service.uid(), now));
                        kept.deleted(service.uid());
                        services.remove(service);
                    }
                }
                default -> { }
            }
        } catch (WriteRefusedException refused) {
            // unknown there, or changed meanwhile: what an operator gets to read, and nothing was changed
        } catch (IllegalStateException paused) {
            // a paused node answers nobody
        }
    }

    private static void change(Simulation cluster, SimNode node, List<Document> services) {
        if (!services.isEmpty()) {
            Document service = services.get(cluster.random().nextInt(services.size()));
            node.operate((core, now) -> {
                Document current = core.snapshot().documents().get(Kind.SERVICE).stream()
                        .filter(document -> document.uid().equals(service.uid())).findFirst().orElse(null);
                return current == null ? null : core.update(current.uid(), current.object().generation(),
                        service(current.name(), cluster), now);
            });
        }
    }

    private static com.fasterxml.jackson.databind.JsonNode service(String name, Simulation cluster) {
        Services service = cluster.random().nextInt(5) == 0 ? Services.global(name) : Services.replicated(name, cluster.random().nextInt(8));
        if (cluster.random().nextBoolean()) {
            service.reserving(100_000_000L, 16 << 20);
        }
        return service.updating(1 + cluster.random().nextInt(2)).body();
    }
}
