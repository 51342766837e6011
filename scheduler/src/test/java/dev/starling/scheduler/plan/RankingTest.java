package dev.starling.scheduler.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.scheduler.model.Availability;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.Platform;
import dev.starling.scheduler.model.Rendezvous;
import dev.starling.scheduler.model.Resources;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

/** The buckets say what comparing every node with every other says. */
class RankingTest {
    private static NodeView node(int number, Random random) {
        return new NodeView(new NodeId(String.format("node%03d", number)), "h", "10.0.0.1", Role.WORKER, true, Availability.ACTIVE,
                new TreeMap<>(Map.of("zone", "z" + random.nextInt(3), "rack", "r" + random.nextInt(2))), new TreeMap<>(), new Platform("linux", "amd64"),
                Resources.NONE, new TreeSet<>());
    }

    @Property(tries = 200)
    void bucketsAgreeWithAFullSort(@ForAll long seed, @ForAll @IntRange(min = 1, max = 40) int size, @ForAll @IntRange(max = 2) int levels) {
        Random random = new Random(seed);
        List<NodeView> nodes = new ArrayList<>();
        long[] prepared = new long[size];
        for (int i = 0; i < size; i++) {
            nodes.add(node(i, random));
            prepared[i] = Rendezvous.prepared(Rendezvous.hash(nodes.get(i).id().value()));
        }
        SpreadCounts counts = new SpreadCounts(nodes, List.of("node.labels.zone", "node.labels.rack").subList(0, levels));
        Ranking ranking = new Ranking(prepared, counts);
        int[] prices = new int[size];
        int[] loads = new int[size];
        TreeSet<Integer> in = new TreeSet<>();
        for (int step = 0; step < 60; step++) {
            int changed = random.nextInt(size);
            if (random.nextInt(4) == 0) {
                ranking.remove(changed);
                in.remove(changed);
            } else {
                counts.add(changed);
                prices[changed] = random.nextInt(3) * 50;
                loads[changed] = random.nextInt(3);
                ranking.put(changed, counts.tasks(changed), prices[changed], loads[changed]);
                in.add(changed);
            }
            long slotHash = random.nextLong();
            TreeSet<Integer> refused = new TreeSet<>();
            for (int i = random.nextInt(3); i > 0; i--) {
                refused.add(random.nextInt(size));
            }
            List<Integer> sorted = in.stream().sorted(Comparator.comparing((Integer n) -> n, (a, b) -> counts.compareLeaves(counts.leafOf(a), counts.leafOf(b)))
                    .thenComparing(n -> counts.tasks(n)).thenComparing(n -> prices[n]).thenComparing(n -> loads[n])
                    .thenComparing(n -> Rendezvous.preparedScore(slotHash, prepared[n]), Comparator.reverseOrder()).thenComparing(n -> n)).toList();
            assertEquals(sorted.stream().filter(n -> !refused.contains(n)).findFirst().orElse(-1),
                    ranking.first(refused::contains, !refused.isEmpty(), slotHash));
            for (int place = 0; place < sorted.size(); place++) {
                assertEquals(place, ranking.before(sorted.get(place), slotHash, size));
                assertEquals(place > 0, ranking.isBefore(sorted.get(0), sorted.get(place), slotHash));
            }
        }
    }
}
