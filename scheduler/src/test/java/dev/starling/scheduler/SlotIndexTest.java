package dev.starling.scheduler;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.starling.scheduler.model.Availability;
import dev.starling.scheduler.model.View;
import dev.starling.scheduler.slot.ServiceSlots;
import dev.starling.scheduler.slot.SlotIndex;
import dev.starling.scheduler.slot.SlotTable;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What an index says of a view depends on that view alone, whatever it was shown before. */
class SlotIndexTest {
    static LongStream seeds() {
        return LongStream.rangeClosed(1, 8);
    }

    @ParameterizedTest(name = "seed {0}")
    @MethodSource("seeds")
    void saysTheSameAsATableMadeOfTheViewAlone(long seed) {
        Random random = new Random(seed);
        Cluster cluster = new Cluster(5, seed, 0, 300);
        List<SlotIndex> indexes = cluster.hosts.stream().map(host -> new SlotIndex()).toList();
        cluster.invariant = after -> {
            for (int i = 0; i < indexes.size(); i++) {
                assertSame(cluster.hosts.get(i).view(), indexes.get(i));
            }
        };
        Given.Service web = Given.service("web", 9);
        cluster.deploy(web);
        cluster.deploy(Given.global("agent"));
        for (int event = 0; event < 12; event++) {
            cluster.run(random.nextInt(2_500));
            int number = 1 + random.nextInt(5);
            switch (random.nextInt(6)) {
                case 0 -> cluster.cutAfter(number);
                case 1 -> cluster.heal();
                case 2 -> {
                    if (cluster.host(number).alive) {
                        cluster.powerCut(number);
                    } else {
                        cluster.powerOn(number);
                    }
                }
                case 3 -> cluster.deploy(web.replicas(random.nextInt(15)));
                case 4 -> cluster.change(number, node -> Given.with(node, Availability.values()[random.nextInt(3)]));
                default -> cluster.remove(random.nextBoolean() ? "web" : "agent");
            }
        }
    }

    private static void assertSame(View view, SlotIndex index) {
        SlotTable alone = SlotTable.of(view);
        SlotTable indexed = index.table(view);
        assertEquals(alone.byAge().stream().map(ServiceSlots::service).toList(), indexed.byAge().stream().map(ServiceSlots::service).toList());
        for (ServiceSlots slots : alone.byAge()) {
            ServiceSlots other = indexed.service(slots.service().uid()).orElseThrow();
            assertEquals(slots.wanted(), other.wanted());
            assertEquals(slots.hasFree(), other.hasFree());
        }
    }
}
