package dev.starling.scheduler;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.scheduler.model.Availability;
import dev.starling.scheduler.model.RestartPolicy;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import dev.starling.scheduler.plan.Pending;
import dev.starling.scheduler.slot.ServiceSlots;
import dev.starling.scheduler.slot.SlotState;
import dev.starling.scheduler.slot.SlotTable;
import org.junit.jupiter.api.Test;

/** Services that end: each slot does its work once, as many at a time as wanted, and what is done stays done. */
class JobTest {
    @Test
    void aJobRunsEachSlotOnceAndNoMoreThanSoManyAtATime() {
        Cluster cluster = Cluster.of(3);
        cluster.invariant = all -> assertTrue(all.alive("job").size() <= 2, () -> all.alive("job").size() + " at a time");
        cluster.deploy(Given.job("job", 7, 2));
        cluster.runUntil("all done", 60_000, () -> done(cluster, 1) == 7);
        cluster.runToRest();
        assertEquals(7, started(cluster));
        assertTrue(Pending.tasks(cluster.host(2).view()).isEmpty());
    }

    @Test
    void slotsThatWaitForOthersAreNotShownAsPending() {
        Cluster cluster = Cluster.of(2);
        cluster.deploy(Given.job("job", 50, 3).image("app:1").constraints("node.hostname==nowhere"));
        cluster.run(500);
        assertEquals(3, Pending.tasks(cluster.host(1).view()).size());
    }

    @Test
    void workStaysDoneWhenTheNodeThatDidItIsRemoved() {
        Cluster cluster = Cluster.of(9);
        cluster.deploy(Given.job("job", 18, 18));
        cluster.deploy(Given.globalJob("each"));
        cluster.runToRest();
        assertEquals(18, done(cluster, 2));
        int started = started(cluster);
        for (int node = 9; node > 1; node--) {
            cluster.powerCut(node);
            cluster.runToRest();
            cluster.run(3_000);
            cluster.removeNode(node);
            cluster.runToRest();
            cluster.run(3_000);
            assertEquals(18, done(cluster, 1), "after node " + node);
        }
        assertEquals(started, started(cluster), "nothing was done again");
    }

    /** Found by a random run: what a scaled down job had done was dropped, and a node that had not heard of the new number did it again. */
    @Test
    void whatIsDoneInSlotsThatAreNoLongerWantedIsNotDoneAgainByANodeThatHearsLate() {
        Cluster cluster = Cluster.of(2);
        cluster.deploy(Given.job("job", 6, 5));
        cluster.runUntil("all done", 10_000, () -> cluster.records("job").stream().filter(Task::isCompletedWork).count() == 6);
        assertTrue(cluster.hosts.stream().noneMatch(host -> host.recordCompleted.get("job").replicas().get(6)), "the last is kept by nobody yet");
        int started = started(cluster);
        boolean firstDidIt = cluster.host(1).recordTasks.values().stream().anyMatch(task -> task.slot().index() == 6);
        cluster.deployLateAt(firstDidIt ? 2 : 1, 10_000, Given.job("job", 2, 0).image("batch:1"));
        cluster.run(5_000);
        assertEquals(started, started(cluster), "by the document that wants six");
        cluster.runToRest();
        cluster.deploy(Given.job("job", 6, 0).image("batch:1").image("batch:1"));
        cluster.runToRest();
        assertEquals(started, started(cluster), "wanted once more, and done");
        cluster.deploy(Given.job("job", 2, 0).image("batch:1").image("batch:1").again());
        cluster.runToRest();
        assertEquals(started + 2, started(cluster));
        assertTrue(cluster.records("job").stream().allMatch(task -> task.iteration() == 2 || task.slot().index() <= 2), "it goes with its iteration");
    }

    /** Found by random runs: they wrote after a second, and had forgotten by then. */
    @Test
    void aKeeperWritesAtOnceWhatItHearsFromANodeThatIsRemovedAMomentLater() {
        Cluster cluster = Cluster.of(3);
        cluster.deploy(Given.job("job", 1, 0));
        cluster.runUntil("done", 10_000, () -> cluster.records("job").stream().anyMatch(Task::isCompletedWork));
        int worker = 1 + cluster.hosts.indexOf(cluster.hosts.stream().filter(host -> !host.recordTasks.isEmpty()).findFirst().orElseThrow());
        cluster.run(100);
        cluster.powerCut(worker);
        cluster.removeNode(worker);
        cluster.runToRest();
        assertEquals(1, started(cluster));
    }

    @Test
    void aNodeThatLosesItsMemoryDoesNotItsWorkAgain() {
        Cluster cluster = Cluster.of(6);
        cluster.deploy(Given.globalJob("each"));
        cluster.runToRest();
        cluster.host(3).recordTasks.clear(); // its disk: a record without tasks replaces the one that the others had
        cluster.host(3).recordCompleted.clear();
        cluster.powerCut(3);
        cluster.run(3_000);
        cluster.powerOn(3);
        cluster.run(5_000);
        cluster.runToRest();
        assertEquals(6, started(cluster));
    }

    @Test
    void aSlotWhoseNodeDiesBeforeItIsDoneIsDoneElsewhere() {
        Cluster cluster = Cluster.of(3);
        cluster.deploy(Given.job("job", 3, 0));
        cluster.runUntil("they run", 5_000, () -> cluster.running("job").size() == 3);
        cluster.powerCut(2);
        cluster.runUntil("all done", 60_000, () -> done(cluster, 1) == 3);
        cluster.runToRest();
        assertEquals(4, started(cluster));
    }

    @Test
    void aForcedUpdateRunsItAllAgainAndANewTemplateAloneNothing() {
        Cluster cluster = Cluster.of(3);
        Given.Service job = Given.job("job", 4, 0);
        cluster.deploy(job);
        cluster.deploy(Given.globalJob("each"));
        cluster.runToRest();
        assertEquals(7, started(cluster));
        cluster.deploy(job.image("batch:2"));
        cluster.runToRest();
        assertEquals(7, started(cluster));
        cluster.deploy(job.again());
        cluster.runUntil("begins", 2_000, () -> done(cluster, 1) < 4);
        cluster.runToRest();
        assertEquals(11, started(cluster));
        assertEquals(4, done(cluster, 1));
        assertEquals(4, cluster.records("job").stream().filter(task -> task.iteration() == 2 && task.state() == TaskState.COMPLETE).count());
    }

    @Test
    void aNodeThatHearsOfTheNextIterationBeforeItsDocumentBeginsNothingOfTheOneBefore() {
        Cluster cluster = Cluster.of(7);
        Given.Service job = Given.job("job", 14, 0);
        cluster.deploy(job);
        cluster.runToRest();
        cluster.run(3_000);
        cluster.powerCut(7);
        cluster.run(3_000);
        cluster.removeNode(7); // of its work only the keepers know
        cluster.runToRest();
        cluster.invariant = all -> assertTrue(all.alive("job").stream().allMatch(task -> task.iteration() == 2), "what was done is done again");
        cluster.deployLateAt(1, 10_000, job.again());
        cluster.runToRest();
        assertEquals(14, done(cluster, 1));
    }

    @Test
    void anEarlierIterationWhoseDocumentPrevailsGoesOn() {
        Cluster cluster = Cluster.of(3);
        Given.Service job = Given.job("job", 3, 0);
        cluster.deploy(job);
        cluster.runToRest();
        cluster.deploy(job.again());
        cluster.runToRest();
        cluster.run(3_000);
        cluster.deploy(Given.job("job", 5, 0).image("batch:1").image("batch:1")); // written later, on the other side of a partition
        cluster.runUntil("the two that are new are done", 90_000, () -> done(cluster, 1) == 5);
        cluster.runToRest();
        assertEquals(8, started(cluster));
        assertTrue(cluster.hosts.stream().allMatch(host -> host.recordCompleted.get("job").iteration() == 1), "the sums are of what prevails");
    }

    @Test
    void aNewIterationEndsWhatStillRunsOfTheOneBefore() {
        Cluster cluster = Cluster.of(3);
        Given.Service job = Given.job("job", 3, 0).image("app:1");
        cluster.deploy(job);
        cluster.runUntil("they run", 5_000, () -> cluster.running("job").size() == 3);
        cluster.deploy(job.again());
        cluster.runToRest();
        assertEquals(3, cluster.alive("job").size());
        assertTrue(cluster.alive("job").stream().allMatch(task -> task.iteration() == 2));
    }

    @Test
    void aJobThatFailsIsTriedAsOftenAsItsPolicySays() {
        Cluster cluster = Cluster.of(3);
        cluster.deploy(Given.job("job", 2, 1).image("crash:1").restart(RestartPolicy.Condition.ON_FAILURE, 1_000, 2, 0));
        cluster.runToRest();
        assertEquals(6, started(cluster));
        assertEquals(0, done(cluster, 1));
        assertTrue(slots(cluster, 1).wanted().stream().allMatch(SlotState::finished));
    }

    @Test
    void aGlobalJobRunsOnceOnEachNodeAlsoOnOneThatComesLater() {
        Cluster cluster = Cluster.of(4);
        cluster.change(4, node -> Given.with(node, Availability.PAUSE));
        cluster.deploy(Given.globalJob("each"));
        cluster.runToRest();
        assertEquals(3, started(cluster));
        cluster.change(4, node -> Given.with(node, Availability.ACTIVE));
        cluster.runToRest();
        assertEquals(4, started(cluster));
        assertEquals(1, cluster.host(4).containers.startedCount());
    }

    @Test
    void bothSidesOfAPartitionMayWorkAndAgreeAfterwards() {
        Cluster cluster = Cluster.of(5);
        cluster.cutAfter(2);
        cluster.run(3_000);
        cluster.deploy(Given.job("job", 10, 4));
        cluster.run(20_000);
        cluster.heal();
        cluster.runToRest();
        assertEquals(10, done(cluster, 1));
        assertTrue(cluster.alive("job").isEmpty());
    }

    private static ServiceSlots slots(Cluster cluster, int host) {
        return SlotTable.of(cluster.host(host).view()).byAge().stream().filter(slots -> slots.service().uid().equals("job")).findFirst().orElseThrow();
    }

    private static int done(Cluster cluster, int host) {
        return SlotTable.of(cluster.host(host).view()).byAge().isEmpty() ? 0 : slots(cluster, host).completed().size();
    }

    private static int started(Cluster cluster) {
        return cluster.hosts.stream().mapToInt(host -> host.containers.startedCount()).sum();
    }
}
