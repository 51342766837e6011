package dev.starling.scheduler;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;


import dev.starling.gossip.desired.HybridTime;
import dev.starling.scheduler.model.Availability;
import dev.starling.scheduler.model.RestartPolicy;
import dev.starling.scheduler.model.RestartPolicy.Condition;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskReport;
import dev.starling.scheduler.model.TaskState;
import dev.starling.scheduler.model.Time;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What follows when a task ends, and when the agent does. */
class RestartTest {
    @ParameterizedTest(name = "{0} image, condition {1}, at most {2} restarts: {3} starts, last state {4}")
    @CsvSource({
        "crash, NONE,       0, 1, FAILED",
        "crash, ON_FAILURE, 3, 4, FAILED",
        "crash, ANY,        2, 3, FAILED",
        "batch, NONE,       0, 1, COMPLETE",
        "batch, ON_FAILURE, 0, 1, COMPLETE",
        "batch, ANY,        4, 5, COMPLETE",
        "missing, NONE,     0, 1, REJECTED",
        "missing, ANY,      2, 3, REJECTED",
    })
    void theRestartPolicyDecidesHowOftenASlotIsStarted(String image, Condition condition, int maxAttempts, int starts, TaskState last) {
        Cluster cluster = Cluster.of(3);
        cluster.deploy(Given.service("job", 1).image(image + ":1").restart(condition, 1_000, maxAttempts, 0));
        cluster.run(500);
        cluster.runToRest();
        assertEquals(starts, cluster.hosts.stream().mapToInt(host -> host.containers.startedCount()).sum());
        Task newest = cluster.records("job").stream().max((a, b) -> Long.compare(a.createdMillis(), b.createdMillis())).orElseThrow();
        assertEquals(last, newest.state());
        assertEquals(TaskState.SHUTDOWN, newest.desired());
    }

    @ParameterizedTest(name = "the agent restarts every {0} ms")
    @CsvSource({"900000", "41000", "53000", "77000"}) // longer than a rest: one that is cut short begins anew
    void aRestartWindowIsKeptOverRestartsOfTheAgent(long restartsEvery) {
        Cluster cluster = Cluster.of(1);
        cluster.deploy(Given.service("web", 1).image("crash:1").restart(Condition.ANY, 100, 7, 600_000)); // more than history keeps
        for (long due = restartsEvery; cluster.now < 500_000; due += restartsEvery) {
            cluster.run(Math.min(due, 500_000) - cluster.now);
            cluster.host(1).restartAgent();
        }
        int starts = cluster.host(1).containers.startedCount();
        assertEquals(8, starts, "one and seven restarts");
        assertTrue(cluster.running("web").isEmpty());
        assertTrue(cluster.records("web").stream().noneMatch(Task::isActive), cluster::describe);
    }

    @Test
    void restartsOlderThanTheWindowCountNoMoreAlsoAfterARestartOfTheAgent() {
        Cluster cluster = Cluster.of(1);
        cluster.deploy(Given.service("web", 1).image("crash:1").restart(Condition.ANY, 1_000, 2, 2_500));
        for (int round = 0; round < 12; round++) {
            cluster.run(60_000); // in a crash loop restarts come further and further apart, so a short window never fills up
            cluster.host(1).restartAgent();
        }
        assertTrue(cluster.records("web").stream().anyMatch(Task::isActive), cluster::describe);
        assertTrue(cluster.host(1).containers.startedCount() > 5);
    }

    /** Found by random runs: the window's log did not know of what others had rejected, so this one was started a third time. */
    @Test
    void whatAnotherNodeRejectedCountsInAWindowToo() {
        Cluster probe = Cluster.of(2);
        probe.deploy(Given.service("web", 1));
        probe.runToRest();
        int first = probe.spread("web").indexOf(1) + 1;
        Cluster.Host second = Cluster.of(2).host(3 - first);
        Cluster cluster = Cluster.of(2);
        cluster.deploy(Given.service("web", 1).image("only-" + second.id.value() + ":1").restart(Condition.ANY, 1_000, 1, 600_000));
        cluster.runUntil("runs where it can", 20_000, () -> !cluster.running("web").isEmpty());
        Task restarted = cluster.running("web").get(0);
        assertEquals(second.id, restarted.node());
        assertEquals(1, restarted.attempt(), "after the rejected one");
        cluster.host(3 - first).containers.kill(restarted.id(), cluster.now);
        cluster.run(60_000);
        assertEquals(2, cluster.hosts.stream().mapToInt(host -> host.containers.startedCount()).sum(), cluster::describe);
        assertTrue(cluster.records("web").stream().noneMatch(Task::isActive), cluster::describe);
    }

    @Test
    void aSlotThatComesBackAfterItWasRejectedElsewhereBeginsWithThoseAttempts() {
        ServiceSpec web = Given.service("web", 1).restart(Condition.ANY, 0, 1, 10_000).spec();
        RestartLog log = new RestartLog();
        Task before = ended(1, 0, 0);
        assertEquals(0, log.attempts(before, web, new Time(1_000, 1_000)));
        log.restarted(before, web, new Time(1_000, 1_000));
        Task back = ended(2, 1, 20_000);
        assertEquals(1, log.attempts(back, web, new Time(29_999, 29_999)), "the rejected one; the restart of the claim before is too long ago");
        assertEquals(0, log.attempts(back, web, new Time(30_000, 30_000)), "and that is in no window either now");
    }

    /** Found by a random run: the old task ran beside a start-first update's tries, and was lost with its host's power after those had used up the window. */
    @ParameterizedTest(name = "the agent restarts in between: {0}")
    @ValueSource(booleans = {false, true})
    void whatFollowsAnOldTaskCountsWithTheTriesOfTheNewTemplate(boolean agentRestarts) {
        ServiceSpec web = Given.service("web", 1).image("crash:2").restart(Condition.ANY, 0, 1, 10_000).spec();
        Task old = ended(1, 0, 0);
        Task tried = of(web, "a", ended(1, 0, 1_000));
        Task triedAgain = of(web, "b", ended(1, 1, 2_000));
        RestartLog log = new RestartLog();
        assertEquals(0, log.attempts(tried, web, new Time(2_000, 2_000)));
        log.restarted(tried, web, new Time(2_000, 2_000));
        assertEquals(1, log.attempts(triedAgain, web, new Time(3_000, 3_000)));
        if (agentRestarts) {
            log = new RestartLog();
            log.restore(List.of(old, tried, triedAgain));
        }
        assertEquals(1, log.attempts(old, web, new Time(4_000, 4_000)), "that is all it may");
        assertEquals(0, log.attempts(old, web, new Time(12_000, 12_000)), "the window is over");
        log.restarted(old, web, new Time(12_000, 12_000));
        assertEquals(1, log.attempts(of(web, "c", ended(1, 1, 12_000)), web, new Time(13_000, 13_000)));
    }

    /** Found by a random run: with its restarts used up a start-first update had tried once more, and the agent after the next power cut counted only the restarts that history had kept. */
    @Test
    void whatHistoryHasDroppedCountsAlsoWhereTheNewestTaskIsAnUpdatesNextTry() {
        ServiceSpec web = Given.service("web", 1).image("crash:2").restart(Condition.ANY, 0, 4, 100_000).spec();
        Task tried = of(web, "d", ended(1, 0, 50_000));
        RestartLog log = new RestartLog();
        log.restore(List.of(ended(1, 0, 0), of(web, "b", ended(1, 3, 3_000)), of(web, "c", ended(1, 4, 4_000)), tried));
        assertEquals(4, log.attempts(tried, web, new Time(51_000, 51_000)), "two that are kept and two before them");
    }

    private static Task of(ServiceSpec service, String id, Task task) {
        return new Task(id, task.slot(), task.node(), 2, service.templateHash(), service.image(), task.state(), task.desired(), task.claimed(), 0,
                task.attempt(), 0, task.createdMillis(), task.changedMillis(), "", "", 1, "", 0, new TreeMap<>());
    }

    /** Found by random runs: its new claim began at no attempts, which were more than none by the window's log, and so it was claimed anew every second. */
    @Test
    void aSlotThatComesBackToANodeThatHasUsedUpItsAttemptsIsTriedOnce() {
        Cluster cluster = Cluster.of(2);
        cluster.deploy(Given.service("web", 1).image("crash:1").restart(Condition.ANY, 5_000, 2, 600_000));
        cluster.runUntil("starts", 5_000, () -> !cluster.running("web").isEmpty());
        Cluster.Host first = cluster.host(cluster.spread("web").indexOf(1) + 1);
        Cluster.Host second = cluster.host(first == cluster.host(1) ? 2 : 1);
        cluster.cutAfter(1);
        cluster.runUntil("has used up its attempts", 60_000,
                () -> first.containers.startedCount() == 3 && first.recordTasks.values().stream().noneMatch(Task::isActive));
        assertTrue(second.recordTasks.values().stream().anyMatch(Task::isActive), "the other side goes on, by a later claim");
        cluster.heal();
        cluster.run(500);
        cluster.powerCut(cluster.hosts.indexOf(second) + 1);
        cluster.run(60_000);
        assertEquals(4, first.containers.startedCount(), cluster::describe);
        assertTrue(first.recordTasks.values().stream().noneMatch(Task::isActive), cluster::describe);
    }

    private static Task ended(long claimed, int attempt, long createdMillis) {
        return new Task("t" + claimed, Slot.replica("web", 1), Given.id(1), 1, "hash1", "app:1", TaskState.FAILED, TaskState.RUNNING, HybridTime.of(claimed, 0), 0,
                attempt, 0, createdMillis, createdMillis, "", "", 1, "", 0, new TreeMap<>());
    }

    /** Found by random runs: it stayed for ever as a task that is to run, beside the history of those that came after it elsewhere. */
    @Test
    void whatEndedOnADrainedNodeIsWrittenDownAsOver() {
        Cluster cluster = Cluster.of(2);
        cluster.deploy(Given.service("web", 1).restart(Condition.ANY, 1_000, 0, 0));
        cluster.runToRest();
        Task ended = cluster.running("web").get(0);
        Cluster.Host host = cluster.hosts.stream().filter(h -> h.id.equals(ended.node())).findFirst().orElseThrow();
        host.spec = Given.with(host.spec, Availability.DRAIN);
        host.containers.kill(ended.id(), cluster.now);
        cluster.runUntil("runs elsewhere", 10_000, () -> cluster.running("web").stream().anyMatch(task -> !task.node().equals(host.id)));
        cluster.runToRest();
        assertEquals(TaskState.FAILED, host.recordTasks.get(ended.id()).state());
        assertEquals(TaskState.SHUTDOWN, host.recordTasks.get(ended.id()).desired());
    }

    @Test
    void aRestartWaitsForItsDelayAndStaysOnTheNodeWithItsClaim() {
        Cluster cluster = Cluster.of(3);
        cluster.deploy(Given.service("web", 1).restart(Condition.ANY, 3_000, 0, 0));
        cluster.runToRest();
        Task first = cluster.running("web").get(0);
        Cluster.Host host = cluster.hosts.stream().filter(h -> h.id.equals(first.node())).findFirst().orElseThrow();
        host.containers.kill(first.id(), cluster.now);
        cluster.run(100);
        Task waiting = host.recordTasks.values().stream().filter(Task::isActive).findFirst().orElseThrow();
        assertEquals(TaskState.READY, waiting.desired());
        assertEquals(first.claimed(), waiting.claimed());
        assertEquals(1, waiting.attempt());
        long took = cluster.runUntil("runs again", 10_000, () -> !cluster.running("web").isEmpty());
        assertTrue(took >= 2_900 && took <= 3_500, "took " + took);
        assertEquals(first.node(), cluster.running("web").get(0).node());
    }

    @Test
    void onlyRestartsWithinTheWindowCount() {
        Cluster cluster = Cluster.of(1);
        cluster.deploy(Given.service("web", 1).image("batch:1").restart(Condition.ANY, 1_000, 2, 3_000));
        cluster.run(20_000);
        assertTrue(cluster.host(1).containers.startedCount() > 8, "one restart every 1.8 s never has 2 before it in 3 s");
        Cluster strict = Cluster.of(1);
        strict.deploy(Given.service("web", 1).image("batch:1").restart(Condition.ANY, 1_000, 2, 60_000));
        strict.run(20_000);
        assertEquals(3, strict.host(1).containers.startedCount());
    }

    @Test
    void aCrashLoopSlowsDownAndSaysSoAndAGoodRunEndsIt() {
        Cluster cluster = Cluster.of(1);
        Given.Service web = Given.service("web", 1).image("crash:1").restart(Condition.ANY, 5_000, 0, 0);
        cluster.deploy(web);
        cluster.run(1_000_000);
        int started = cluster.host(1).containers.startedCount();
        assertTrue(started >= 8 && started <= 10, "after 5, 10, 20, ... 300 s each: " + started);
        Task waiting = cluster.records("web").stream().filter(Task::isActive).findFirst().orElseThrow();
        assertTrue(waiting.error().matches("crash loop: restart \\d+ waits 300 s; last: task: non-zero exit \\(1\\)"), waiting.error());
        cluster.deploy(web.image("app:2"));
        cluster.runUntil("a new template starts at once", 6_000, () -> cluster.running("web").size() == 1);
        cluster.run(BackOff.GOOD_RUN_MILLIS);
        Task good = cluster.running("web").get(0);
        cluster.host(1).containers.kill(good.id(), cluster.now);
        long took = cluster.runUntil("after the restart delay", 10_000, () -> !cluster.running("web").isEmpty() && !cluster.running("web").get(0).id().equals(good.id()));
        assertTrue(took <= 6_000, "took " + took);
    }

    @Test
    void whatRestsDoublesUpToItsLimitAndAlwaysAsLongAsTheServiceAsks() {
        assertEquals(List.of(5_000L, 10_000L, 20_000L, 40_000L, 80_000L, 160_000L, 300_000L, 300_000L), rests(5_000));
        assertEquals(List.of(0L, 1_000L, 2_000L, 4_000L, 8_000L, 16_000L, 32_000L, 64_000L), rests(0));
        assertEquals(List.of(600_000L, 600_000L, 600_000L), rests(600_000).subList(0, 3));
    }

    private static List<Long> rests(long delay) {
        RestartPolicy policy = new RestartPolicy(Condition.ANY, delay, 0, 0);
        List<Long> rests = new ArrayList<>();
        long rest = 0;
        for (int attempt = 0; attempt < 8; attempt++) {
            Task ended = new Task("t", Slot.replica("web", 1), Given.id(1), 1, "hash1", "app:1", TaskState.FAILED, TaskState.RUNNING, HybridTime.of(1, 0), 0,
                    attempt, rest == 0 ? 0 : 1_000 + rest, 1_000, 1_000 + rest + 700, "", "", 1, "", 0, new TreeMap<>());
            rest = BackOff.after(ended, policy, new Time(0, 1_000 + rest + 700));
            rests.add(rest);
        }
        return rests;
    }

    @Test
    void historyIsKeptUpToItsLimit() {
        Cluster cluster = Cluster.of(2);
        cluster.taskHistoryLimit = 2;
        cluster.deploy(Given.service("web", 1).image("crash:1").restart(Condition.ANY, 500, 0, 0));
        cluster.run(20_000);
        assertEquals(2, cluster.records("web").stream().filter(task -> task.state().isTerminal()).count());
    }

    @Test
    void anAgentThatRestartsAdoptsWhatRunsAndDoesNotStartItTwice() {
        Cluster cluster = Cluster.of(3);
        cluster.deploy(Given.service("web", 9));
        cluster.runToRest();
        List<String> before = cluster.running("web").stream().map(Task::id).sorted().toList();
        cluster.host(2).restartAgent();
        cluster.runToRest();
        assertEquals(before, cluster.running("web").stream().map(Task::id).sorted().toList());
    }

    @Test
    void anIslandStartsAfterAPowerCutWhatItHadClaimed() {
        Cluster cluster = Cluster.of(1);
        cluster.deploy(Given.service("web", 3));
        cluster.runToRest();
        cluster.powerCut(1);
        cluster.run(1_000);
        cluster.powerOn(1);
        cluster.runUntil("all run again", 5_000, () -> cluster.eachSlotOnce("web", 3));
    }

    @Test
    void aRestoredTaskWaitsForItsReport() {
        Given.Service web = Given.service("web", 1);
        Task task = Given.task("t1", Slot.replica("web", 1), Given.id(1), TaskState.RUNNING, 5);
        Scheduler scheduler = new Scheduler(Given.id(1), SchedulerConfig.defaults(), new Random(1));
        scheduler.restore(List.of(task), List.of(), List.of(), List.of());
        var view = Given.view(List.of(Given.node(1)), List.of(web), List.of(task));
        assertEquals(List.of(), scheduler.step(view, new Time(0, 100)));
        scheduler.report(new TaskReport("t1", TaskState.FAILED, "gone", "container is gone", -1, "", 0), new Time(5, 105));
        assertEquals(5, scheduler.nextStep());
        scheduler.step(view, new Time(5, 105));
        assertEquals(1_005, scheduler.nextStep(), "the restart delay");
    }

    @Test
    void reportsThatMoveBackOrNameNoTaskAreIgnored() {
        Scheduler scheduler = new Scheduler(Given.id(1), SchedulerConfig.defaults(), new Random(1));
        scheduler.step(Given.view(List.of(Given.node(1)), List.of(Given.service("web", 1)), List.of()), new Time(0, 100));
        String id = scheduler.tasks().firstKey();
        assertEquals(25, id.length());
        assertEquals(1, scheduler.report(report(id, TaskState.RUNNING), new Time(1, 101)).size());
        assertEquals(List.of(), scheduler.report(report(id, TaskState.STARTING), new Time(2, 102)));
        assertEquals(List.of(), scheduler.report(report(id, TaskState.RUNNING), new Time(3, 103)), "nothing new");
        assertEquals(List.of(), scheduler.report(report("nobody", TaskState.RUNNING), new Time(3, 103)));
    }

    @Test
    void aNodeThatIsNotReadyOrNotEnrolledKeepsWhatItHasAndDoesNothing() {
        Scheduler scheduler = new Scheduler(Given.id(1), SchedulerConfig.defaults(), new Random(1));
        var service = List.of(Given.service("web", 1));
        assertEquals(List.of(), scheduler.step(Given.view(List.of(Given.ready(Given.node(1), false)), service, List.of()), new Time(0, 100)));
        assertEquals(List.of(), scheduler.step(Given.view(List.of(Given.node(2)), service, List.of()), new Time(0, 100)));
        assertEquals(Long.MAX_VALUE, scheduler.nextStep());
    }

    private static TaskReport report(String id, TaskState state) {
        return new TaskReport(id, state, "", "", -1, "", 0);
    }
}
