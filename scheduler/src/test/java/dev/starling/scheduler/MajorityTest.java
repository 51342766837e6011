package dev.starling.scheduler;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.NodeId;
import dev.starling.scheduler.model.PartitionPolicy;
import dev.starling.scheduler.model.Time;
import dev.starling.scheduler.model.View;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** Services that start nothing without a majority (label {@code starling.partition=majority}). */
class MajorityTest {
    private final Scheduler scheduler = new Scheduler(Given.id(1), SchedulerConfig.defaults(), new Random(1));
    private final View all = Given.view(List.of(Given.node(1), Given.node(2), Given.node(3)),
            List.of(Given.service("web", 3).partition(PartitionPolicy.MAJORITY)), List.of());

    private View suspecting(NodeId... nodes) {
        return all.withSuspected(new TreeSet<>(List.of(nodes)));
    }

    @Test
    void nothingIsStartedWhileAMajorityNoLongerAnswers() {
        assertEquals(List.of(), scheduler.step(suspecting(Given.id(2), Given.id(3)), new Time(0, 100)));
        assertEquals(1_000, scheduler.nextStep(), "it looks again: that they answer again nobody tells it");
        assertTrue(scheduler.tasks().isEmpty());
        scheduler.step(all, new Time(1_000, 1_100));
        assertEquals(1, scheduler.tasks().size());
    }

    @Test
    void oneOfThreeThatDoesNotAnswerHoldsNothingUp() {
        scheduler.step(suspecting(Given.id(3)), new Time(0, 100));
        assertEquals(1, scheduler.tasks().size());
    }
}
