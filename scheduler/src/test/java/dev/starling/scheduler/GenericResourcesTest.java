package dev.starling.scheduler;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.scheduler.filter.Filter;
import dev.starling.scheduler.model.GenericResources;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.Obstacles;
import dev.starling.scheduler.model.Platform;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import dev.starling.scheduler.model.UpdatePolicy;
import dev.starling.scheduler.plan.Explain;
import dev.starling.scheduler.plan.Pending;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** Devices by kind: counted or named, never given out twice; and the other things a host may lack. */
class GenericResourcesTest {
    @Test
    void namedDevicesAreGivenToOneTaskEachAndCountedOnesByNumber() {
        Cluster cluster = new Cluster(3, 1, 20, 20, SchedulerConfig.defaults(), GenericResourcesTest::equipped);
        cluster.invariant = GenericResourcesTest::noneTwice;
        cluster.deploy(Given.service("train", 5).generic("gpu", 1));
        cluster.deploy(Given.service("watch", 9).generic("camera", 2));
        cluster.run(5_000);
        assertEquals(List.of(2, 1, 1), cluster.spread("train").stream().sorted((a, b) -> b - a).toList());
        assertEquals(List.of(2, 2, 2), cluster.spread("watch"));
        List<String> reasons = Pending.tasks(cluster.host(1).view()).stream().map(pending -> pending.reason()).distinct().sorted().toList();
        assertEquals(List.of("no suitable node: 3 lack camera", "no suitable node: 3 lack gpu"), reasons);
        Explain explain = Explain.slot(cluster.host(1).view(), Slot.replica("watch", 9)).orElseThrow();
        assertEquals("insufficient camera: wants 2, 1 of 5 free", explain.verdicts().get(0).text());
    }

    @Test
    void anUpdateHandsTheSameDeviceOn() {
        Cluster cluster = new Cluster(1, 1, 20, 20, SchedulerConfig.defaults(), node -> Given.with(node, Given.named("gpu", "A")));
        cluster.invariant = GenericResourcesTest::noneTwice;
        for (UpdatePolicy.Order order : UpdatePolicy.Order.values()) {
            Given.Service train = Given.service("train-" + order, 1).generic("gpu", 1).update(1, UpdatePolicy.FailureAction.PAUSE, order);
            cluster.deploy(train);
            cluster.runUntil("runs", 5_000, () -> cluster.running(train.uid).size() == 1);
            cluster.deploy(train.image("app:2"));
            cluster.runUntil("changed", 10_000, () -> cluster.running(train.uid).stream().anyMatch(task -> task.image().equals("app:2")));
            assertEquals(Given.named("gpu", "A"), cluster.running(train.uid).get(0).reserved().generic());
            cluster.remove(train.uid);
            cluster.runToRest();
        }
    }

    @Test
    void amountsAddUpAndNamesAreChosenInOrder() {
        GenericResources has = Given.named("gpu", "A", "B", "C");
        assertEquals(Given.named("gpu", "B", "C"),
                has.assign(Given.counted("gpu", 2), List.of(Given.named("gpu", "A")), List.of()).orElseThrow());
        assertEquals(Given.named("gpu", "A", "C"), has.assign(Given.counted("gpu", 2), List.of(), List.of(Given.named("gpu", "B"))).orElseThrow(),
                "what is lent comes last");
        assertTrue(has.assign(Given.counted("gpu", 2), List.of(Given.named("gpu", "A", "B")), List.of()).isEmpty());
        assertEquals(1, has.minus(Given.counted("gpu", 2)).count("gpu"));
        assertEquals(0, Given.counted("gpu", 1).beyond(has).count("gpu"));
        assertTrue(!has.covers(Given.counted("camera", 1)) && has.covers(Given.counted("gpu", 3)) && has.covers(GenericResources.NONE));
    }

    @Test
    void whatAHostLacksIsSaidWithTheThing() {
        NodeView bare = Given.with(Given.node(1), new Obstacles(new TreeSet<>(List.of("/data/b")), new TreeSet<>(List.of("tcp/80"))));
        assertEquals("no suitable node: 1 lacks /data/b", line(bare, Given.service("web", 1).binds("/data/a", "/data/b")));
        assertEquals("no suitable node: 1 has tcp/80 in use", line(bare, Given.service("web", 1).hostPorts("tcp/80")));
        assertEquals("1 node can take it and has not done so", line(bare, Given.service("web", 1).binds("/data/a").hostPorts("tcp/81")));
        Explain.Verdict verdict = Explain.slot(Given.view(List.of(bare), List.of(Given.service("web", 1).hostPorts("tcp/80")), List.of()),
                Slot.replica("web", 1)).orElseThrow().verdicts().get(0);
        assertEquals(Filter.HOST_PORTS, ((Explain.Filtered) verdict).filter());
        assertEquals("host-mode port already in use: tcp/80 by a process of the host", verdict.text());
        assertEquals("wrong platform: the image is for linux/arm64, the node is linux/x86_64", Explain.slot(Given.view(List.of(bare),
                List.of(Given.service("web", 1).platforms(new Platform("linux", "arm64"))), List.of()), Slot.replica("web", 1)).orElseThrow()
                .verdicts().get(0).text());
    }

    private static String line(NodeView node, Given.Service service) {
        return Pending.tasks(Given.view(List.of(node), List.of(service), List.of())).get(0).reason();
    }

    @Test
    void whoHasTheSlotSaysSo() {
        Task task = Given.task("t", Slot.replica("web", 1), Given.id(1), TaskState.RUNNING, 1);
        Explain explain = Explain.slot(Given.view(List.of(Given.node(1), Given.node(2)), List.of(Given.service("web", 1)), List.of(task)),
                Slot.replica("web", 1)).orElseThrow();
        assertEquals("has it: running, price 0", explain.verdicts().get(0).text());
        assertTrue(explain.verdicts().get(1).text().startsWith("can take it, price "));
    }

    private static NodeView equipped(NodeView node) {
        SortedMap<String, java.util.SortedSet<String>> named = new TreeMap<>();
        named.put("gpu", new TreeSet<>(node.id().equals(Given.id(1)) ? List.of("A", "B") : List.of("A")));
        return Given.with(node, GenericResources.of(new TreeMap<>(java.util.Map.of("camera", 5L)), named));
    }

    private static void noneTwice(Cluster cluster) {
        for (Cluster.Host host : cluster.hosts) {
            TreeSet<String> names = new TreeSet<>();
            for (Task task : host.containers.alive().values()) {
                task.reserved().generic().named().forEach((kind, given) -> given.forEach(name ->
                        Cluster.check(names.add(kind + "=" + name), kind + "=" + name + " is with two tasks of " + host.id)));
            }
            Cluster.check(host.spec.capacity().generic().covers(host.containers.alive().values().stream().map(task -> task.reserved().generic())
                    .reduce(GenericResources.NONE, GenericResources::plus)), "more devices than there are on " + host.id);
        }
    }
}
