package dev.starling.scheduler;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import dev.starling.scheduler.model.UpdatePolicy.FailureAction;
import dev.starling.scheduler.model.UpdatePolicy.Order;
import dev.starling.scheduler.model.UpdatePolicy;
import dev.starling.scheduler.model.View;
import dev.starling.scheduler.rollout.Rollout;
import dev.starling.scheduler.rollout.UpdateProgress;
import dev.starling.scheduler.slot.ServiceSlots;
import dev.starling.scheduler.slot.SlotTable;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Rolling updates that nobody leads. */
class RolloutTest {
    private static Cluster running(Given.Service service, int nodes, int replicas, long seed, long maxDelay) {
        Cluster cluster = new Cluster(nodes, seed, 0, maxDelay);
        cluster.deploy(service);
        cluster.runToRest();
        assertTrue(cluster.eachSlotOnce(service.uid, replicas), cluster::describe);
        return cluster;
    }

    private static boolean allRun(Cluster cluster, String hash, int replicas) {
        return cluster.eachSlotOnce("web", replicas) && cluster.running("web").stream().allMatch(task -> task.templateHash().equals(hash));
    }

    private static UpdateProgress progress(Cluster cluster, Given.Service service) {
        return UpdateProgress.of(cluster.host(1).view(), service.spec());
    }

    @Test
    void neverMoreThanParallelismInChange() {
        for (int parallelism = 1; parallelism <= 4; parallelism++) {
            for (int seed = 0; seed < 4; seed++) {
                int most = parallelism;
                Given.Service web = Given.service("web", 12).update(parallelism, FailureAction.PAUSE, Order.STOP_FIRST);
                Cluster cluster = running(web, 4, 12, seed, 600);
                cluster.invariant = c -> Cluster.check(c.running("web").size() >= 12 - most, "more than " + most + " in change\n" + c.describe());
                cluster.deploy(web.image("app:2"));
                cluster.runUntil("updated", 60_000, () -> allRun(cluster, "hash2", 12));
                cluster.runToRest();
                assertEquals(UpdateProgress.State.COMPLETED, progress(cluster, web).state());
            }
        }
    }

    @Test
    void aPartitionDelaysTheUpdateButDoesNotLetItOvershoot() {
        Given.Service web = Given.service("web", 10).update(2, FailureAction.PAUSE, Order.STOP_FIRST);
        Cluster cluster = running(web, 5, 10, 7, 100);
        cluster.deploy(web.image("app:2"));
        cluster.run(700);
        cluster.cutAfter(2);
        cluster.run(1_500);
        cluster.heal();
        cluster.invariant = c -> Cluster.check(c.running("web").size() >= 8, "more than 2 in change");
        cluster.runUntil("updated", 60_000, () -> allRun(cluster, "hash2", 10));
    }

    @Test
    void startFirstNeverRunsFewerThanWanted() {
        Given.Service web = Given.service("web", 6).update(2, FailureAction.PAUSE, Order.START_FIRST).networks("net");
        Cluster cluster = new Cluster(3, 2, 0, 100);
        cluster.add(Given.network("net", "10.0.1.0/24", "10.0.1.1"));
        cluster.deploy(web);
        cluster.runToRest();
        cluster.invariant = c -> Cluster.check(c.alive("web").stream().map(task -> task.slot()).distinct().count() == 6
                && c.hosts.stream().mapToLong(host -> host.recordTasks.values().stream()
                        .filter(task -> task.state() == TaskState.RUNNING).map(task -> task.slot()).distinct().count()).sum() >= 6,
                "a slot without a running task");
        cluster.deploy(web.image("app:2"));
        cluster.runUntil("updated", 60_000, () -> allRun(cluster, "hash2", 6));
        cluster.runToRest();
    }

    @Test
    void startFirstFallsBackToStopFirstWhereThereIsNoRoomForBoth() {
        Given.Service web = Given.service("web", 3).update(1, FailureAction.PAUSE, Order.START_FIRST).hostPorts("tcp/80").reserves(0, 5 * Given.GIB);
        Cluster cluster = running(web, 3, 3, 2, 100);
        cluster.deploy(web.image("app:2"));
        cluster.runUntil("updated", 60_000, () -> allRun(cluster, "hash2", 3));
    }

    @Test
    void aBadImagePausesTheUpdateAndTheNextOneGoesThrough() {
        Given.Service web = Given.service("web", 6).update(2, FailureAction.PAUSE, Order.STOP_FIRST);
        Cluster cluster = running(web, 3, 6, 4, 100);
        cluster.deploy(web.image("missing:2"));
        cluster.run(15_000);
        assertTrue(cluster.running("web").size() >= 4, "the rest keeps running: " + cluster.spread("web"));
        UpdateProgress progress = progress(cluster, web);
        assertEquals(UpdateProgress.State.PAUSED, progress.state());
        assertTrue(progress.message().startsWith("update paused due to failure or early termination of task "), progress.message());
        cluster.deploy(web.image("app:3"));
        cluster.runUntil("updated", 60_000, () -> allRun(cluster, "hash3", 6));
        cluster.runToRest();
        assertEquals(new UpdateProgress(UpdateProgress.State.COMPLETED, 6, 6, 6, 0, "update completed"), progress(cluster, web));
    }

    @Test
    void failureActionContinueGoesOn() {
        Given.Service web = Given.service("web", 4).update(1, FailureAction.CONTINUE, Order.START_FIRST);
        Cluster cluster = running(web, 2, 4, 4, 50);
        cluster.deploy(web.image("missing:2"));
        cluster.run(10_000);
        assertEquals(new UpdateProgress(UpdateProgress.State.COMPLETED, 4, 0, 4, 4, "update completed"), progress(cluster, web), "each was tried");
        assertEquals(4, cluster.running("web").size(), "start-first keeps the old one while the new one fails");
    }

    @Test
    void anUpdateWaitsBetweenSlotsForItsDelay() {
        Given.Service web = Given.service("web", 4).update(new UpdatePolicy(1, 2_000, FailureAction.PAUSE, 0, 0, Order.STOP_FIRST));
        Cluster cluster = running(web, 2, 4, 4, 50);
        cluster.deploy(web.image("app:2"));
        long took = cluster.runUntil("updated", 60_000, () -> allRun(cluster, "hash2", 4));
        assertTrue(took >= 3 * 2_000 + 4 * 500 && took < 10_500, "took " + took);
    }

    @Test
    void aTemplateThatNoLongerFitsTheNodeMovesTheSlot() {
        Given.Service web = Given.service("web", 2).update(1, FailureAction.PAUSE, Order.STOP_FIRST);
        Cluster cluster = running(web, 2, 2, 4, 50);
        cluster.deploy(web.constraints("node.hostname==host2").image("app:2"));
        cluster.runUntil("updated", 60_000, () -> allRun(cluster, "hash2", 2));
        assertEquals(List.of(0, 2), cluster.spread("web"));
    }

    private static final Slot SLOT = Slot.replica("web", 1);

    private static ServiceSlots slots(Given.Service web, Task... tasks) {
        View view = Given.view(List.of(Given.node(1), Given.node(2), Given.node(3)), List.of(web), List.of(tasks));
        return SlotTable.of(view).service("web").orElseThrow();
    }

    @Test
    void aSlotThatOneSideOfAPartitionHasUpdatedIsNotGivenBackToItsIncumbent() {
        Task incumbent = Given.task("incumbent", SLOT, Given.id(1), TaskState.RUNNING, 10);
        Task updated = Given.updated(Given.task("updated", SLOT, Given.id(2), TaskState.RUNNING, 20), "hash2", 2);
        Task starts = Given.updated(Given.task("starts", SLOT, Given.id(3), TaskState.STARTING, 5), "hash2", 2);
        Given.Service web = Given.service("web", 1);
        assertEquals("incumbent", slots(web, incumbent, updated, starts).wanted(SLOT).holder().id(), "before the document is here");
        web.image("app:2");
        assertEquals("updated", slots(web, incumbent, updated, starts).wanted(SLOT).holder().id());
        assertEquals("incumbent", slots(web, incumbent, starts).wanted(SLOT).holder().id(), "what runs goes before what does not");
    }

    @Test
    void whatAnEarlierUpdateHasStoppedTakesThePlacesOfALaterOne() {
        Given.Service web = Given.service("web", 3).update(1, FailureAction.PAUSE, Order.STOP_FIRST);
        Task[] tasks = new Task[3];
        for (int down = 1; down <= 3; down++) {
            for (int slot = 1; slot <= 3; slot++) {
                Task task = Given.task("t" + slot, Slot.replica("web", slot), Given.id(slot), slot == down ? TaskState.STARTING : TaskState.RUNNING, 10);
                tasks[slot - 1] = slot == down ? Given.updated(task, "hash2", 2) : task;
            }
            Rollout third = Rollout.of(slots(web.image("app:3"), tasks), state -> true);
            for (int slot = 1; slot <= 3; slot++) {
                assertEquals(slot == down, third.mayChange(Slot.replica("web", slot)), "slot " + slot + " where " + down + " is down");
            }
        }
    }

    @Test
    void anUpdateThatReplacesAnotherHalfWayIsToldFromOneThatBegins() {
        Given.Service web = Given.service("web", 2).image("app:2").image("app:3"); // generation 3
        Task first = Given.task("a", SLOT, Given.id(1), TaskState.RUNNING, 10);
        Task second = Given.task("b", Slot.replica("web", 2), Given.id(2), TaskState.RUNNING, 10);
        assertFalse(Rollout.replacesAnother(slots(web, first, second)), "all run one template");
        assertTrue(Rollout.replacesAnother(slots(web, Given.updated(first, "hash2", 2), second)));
        assertFalse(Rollout.replacesAnother(slots(web, Given.updated(first, "hash3", 3), second)), "it is under way");
    }
}
