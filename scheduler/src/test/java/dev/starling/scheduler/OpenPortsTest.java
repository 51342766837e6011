package dev.starling.scheduler;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.scheduler.filter.NodeLoad;
import dev.starling.scheduler.filter.Occupancy;
import dev.starling.scheduler.filter.OpenPorts;
import dev.starling.scheduler.model.Availability;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.Obstacles;
import dev.starling.scheduler.model.RestartPolicy;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import dev.starling.scheduler.model.UpdatePolicy.FailureAction;
import dev.starling.scheduler.model.UpdatePolicy.Order;
import dev.starling.scheduler.plan.Explain;
import dev.starling.scheduler.plan.Forecast;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.api.Test;

/** Ports in host mode whose number the node of each task picks. {@link Cluster} checks at every tick that no port is with two tasks of a node. */
class OpenPortsTest {
    private static final int COUNT = OpenPorts.LAST - OpenPorts.FIRST + 1;

    @Property(tries = 200)
    void whatIsPickedIsFreeAndTheLowest(@ForAll Random random, @ForAll @IntRange(min = 1, max = 4) int wanted) {
        SortedSet<String> taken = ports(random, 12);
        SortedSet<String> held = ports(random, 12);
        SortedSet<String> avoided = ports(random, 12);
        NodeView node = Given.with(Given.node(1), new Obstacles(new TreeSet<>(), taken));
        Task task = Given.task("t", Slot.replica("other", 1), Given.id(1), TaskState.RUNNING, 1).withHostPorts(List.copyOf(held));
        NodeLoad load = Occupancy.planned(List.of(task), new TreeMap<>());
        ServiceSpec service = Given.service("web", 1).hostPorts("tcp/28002").openPorts(IntStream.range(0, wanted)
                .mapToObj(i -> (random.nextBoolean() ? "tcp/" : "udp/") + (80 + i)).toArray(String[]::new)).spec();
        SortedMap<String, Integer> picked = OpenPorts.pick(service, node, load, avoided).orElseThrow();
        assertEquals(service.openPorts(), picked.entrySet().stream().map(entry -> entry.getKey().substring(0, 4) + entry.getValue()).sorted().toList());
        Set<String> unavailable = new TreeSet<>(taken);
        unavailable.addAll(held);
        unavailable.addAll(avoided);
        unavailable.add("tcp/28002");
        assertTrue(picked.keySet().stream().allMatch(port -> OpenPorts.mayPick(port) && !unavailable.contains(port)), picked::toString);
        for (String port : picked.keySet()) {
            int number = Integer.parseInt(port.substring(4));
            assertTrue(IntStream.range(OpenPorts.FIRST, number).mapToObj(lower -> port.substring(0, 4) + lower)
                    .allMatch(lower -> unavailable.contains(lower) || picked.containsKey(lower)), "a lower one was free: " + picked);
        }
    }

    private static SortedSet<String> ports(Random random, int most) {
        return IntStream.range(0, random.nextInt(most)).mapToObj(i -> (random.nextBoolean() ? "tcp/" : "udp/") + (OpenPorts.FIRST + random.nextInt(most)))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    @Test
    void aFullRangeIsExplained() {
        NodeView node = allBut(Given.node(1), 1);
        Given.Service web = Given.service("web", 1).openPorts("tcp/80", "tcp/81");
        Explain explain = Explain.slot(Given.view(List.of(node, Given.with(Given.node(2), Availability.DRAIN)), List.of(web), List.of()),
                Slot.replica("web", 1)).orElseThrow();
        assertEquals("no suitable node: 1 drained, 1 has no port of tcp/28000-29999 left", explain.summary());
        assertEquals("too few host-mode ports left to pick from: wants 2 of tcp/28000-29999, 1 free", explain.verdicts().get(0).text());
        assertEquals("1 node can take it and has not done so",
                Explain.slot(Given.view(List.of(node), List.of(web.openPorts("tcp/80", "udp/80")), List.of()), Slot.replica("web", 1)).orElseThrow().summary());
        assertEquals(Optional.empty(), OpenPorts.pick(web.openPorts("tcp/80", "tcp/81").spec(), node, new NodeLoad(), Set.of()));
    }

    @Test
    void aForecastCountsWhatWouldBePicked() {
        Forecast forecast = Forecast.of(Given.view(List.of(), List.of(), List.of()),
                Given.view(List.of(allBut(Given.node(1), 3)), List.of(Given.service("web", 2).openPorts("tcp/80", "tcp/81")), List.of()));
        assertEquals(List.of("node01", "no suitable node: 1 has no port of tcp/28000-29999 left"), forecast.placements().stream()
                .map(placement -> placement.after() == null ? placement.reason() : placement.after().value()).toList());
    }

    @Test
    void severalTasksOfAServiceAreOnANodeEachWithPortsOfItsOwn() {
        Cluster cluster = Cluster.of(2);
        cluster.deploy(Given.service("web", 6).openPorts("udp/53", "tcp/80", "tcp/80").hostPorts());
        cluster.deploy(Given.service("fixed", 2).hostPorts("tcp/28000"));
        cluster.runToRest();
        assertEquals(List.of(3, 3), cluster.spread("web"));
        assertEquals(List.of(1, 1), cluster.spread("fixed"));
        for (Task task : cluster.running("web")) {
            assertEquals(List.of(53, 80, 80), task.pickedPorts().values().stream().sorted().toList(), cluster::describe);
            assertEquals(List.copyOf(task.pickedPorts().keySet()), task.hostPorts());
        }
        assertEquals(cluster.running("web").stream().map(task -> String.join(" ", task.hostPorts())).distinct().count(), 3, "the same ones on both nodes");
    }

    @Test
    void portsWithAndWithoutNumbersGoTogether() {
        Cluster cluster = Cluster.of(3);
        cluster.deploy(Given.service("web", 3).hostPorts("tcp/8080").openPorts("tcp/80"));
        cluster.runToRest();
        assertEquals(List.of(1, 1, 1), cluster.spread("web"), "the one with a number is there once a node");
        assertTrue(cluster.running("web").stream().allMatch(task -> task.hostPorts().equals(List.of("tcp/8080", "tcp/28000"))
                && task.pickedPorts().equals(Map.of("tcp/28000", 80))), cluster::describe);
    }

    @Test
    void anUpdateStartFirstHasPortsForBoth() {
        Cluster cluster = Cluster.of(2);
        Given.Service web = Given.service("web", 4).openPorts("tcp/80").update(1, FailureAction.PAUSE, Order.START_FIRST);
        cluster.deploy(web);
        cluster.runToRest();
        Map<Slot, Task> before = cluster.running("web").stream().collect(Collectors.toMap(Task::slot, task -> task));
        cluster.invariant = c -> Cluster.check(c.running("web").stream().map(Task::slot).distinct().count() == 4, "a slot without a running task");
        cluster.deploy(web.image("app:2"));
        cluster.runUntil("updated", 60_000, () -> cluster.eachSlotOnce("web", 4)
                && cluster.running("web").stream().allMatch(task -> task.templateHash().equals("hash2")));
        cluster.running("web").forEach(task -> assertTrue(!task.hostPorts().equals(before.get(task.slot()).hostPorts()), "both ran at one time"));
    }

    /** The range has one port: the next task of the slot gets the same one, when the one before it has ended. */
    @Test
    void whereThereIsNoPortForBothAnUpdateStopsFirst() {
        Cluster cluster = new Cluster(1, 1, 20, 20, SchedulerConfig.defaults(), node -> allBut(node, 1));
        Given.Service web = Given.service("web", 1).openPorts("tcp/80").update(1, FailureAction.PAUSE, Order.START_FIRST);
        cluster.deploy(web);
        cluster.runToRest();
        cluster.deploy(web.image("app:2"));
        cluster.runUntil("updated", 60_000, () -> cluster.eachSlotOnce("web", 1)
                && cluster.running("web").stream().allMatch(task -> task.templateHash().equals("hash2")));
        assertEquals(List.of("tcp/" + OpenPorts.LAST), cluster.running("web").get(0).hostPorts());
        cluster.deploy(web.image("missing:3")); // its first try fails, and the next ones wait until the old task has ended
        cluster.run(30_000);
        cluster.deploy(web.image("app:4"));
        cluster.runUntil("updated", 60_000, () -> cluster.eachSlotOnce("web", 1)
                && cluster.running("web").stream().allMatch(task -> task.templateHash().equals("hash4")));
    }

    @Test
    void aPortWithWhichATaskCouldNotStartIsNotTheNextOneToTry() {
        Cluster cluster = Cluster.of(1);
        cluster.deploy(Given.service("web", 1).image("missing:1").openPorts("tcp/80").restart(RestartPolicy.Condition.ANY, 1_000, 0, 0));
        cluster.runUntil("tried some times", 120_000, () -> cluster.records("web").stream().filter(task -> task.state() == TaskState.REJECTED).count() >= 4);
        List<Task> tried = cluster.records("web");
        assertEquals(tried.size(), tried.stream().map(Task::hostPorts).distinct().count(), cluster::describe);
    }

    /** Found in the lab: the lowest number was tried again and again. */
    @Test
    void aPortThatAProcessHasIsPassedOverTheNextTime() {
        Cluster cluster = Cluster.of(1);
        cluster.host(1).containers.portsInUse.addAll(List.of("tcp/28000", "tcp/28002"));
        cluster.deploy(Given.service("web", 3).openPorts("tcp/80"));
        cluster.runUntil("all run", 10_000, () -> cluster.running("web").size() == 3);
        cluster.runToRest();
        assertTrue(cluster.running("web").stream().noneMatch(task -> cluster.host(1).containers.portsInUse.contains(task.hostPorts().get(0))), cluster::describe);
    }

    @Property(tries = 25, shrinking = ShrinkingMode.OFF)
    void noPortIsTwiceOrTakenWhateverHappens(@ForAll @LongRange(min = 0, max = 1_000_000) long seed, @ForAll @IntRange(min = 1, max = 4) int size) {
        Random random = new Random(seed);
        SortedSet<String> taken = ports(random, 8);
        int left = random.nextBoolean() ? COUNT : 20; // of the second there is too little at times
        Cluster cluster = new Cluster(size, seed, 0, 100 + random.nextInt(900), SchedulerConfig.defaults(),
                node -> left == COUNT ? Given.with(node, new Obstacles(new TreeSet<>(), taken)) : allBut(node, left));
        cluster.invariant = c -> c.hosts.forEach(host -> host.containers.alive().values().forEach(task -> task.hostPorts().forEach(port ->
                Cluster.check(!host.spec.obstacles().takenPorts().contains(port), "a process of the host has " + port))));
        Given.Service web = Given.service("web", 1 + random.nextInt(8)).openPorts("tcp/80")
                .update(1 + random.nextInt(3), FailureAction.CONTINUE, Order.values()[random.nextInt(2)]);
        cluster.deploy(web);
        cluster.deploy(Given.service("dns", 1 + random.nextInt(4)).openPorts("tcp/53", "udp/53"));
        cluster.deploy(Given.service("fixed", 1).hostPorts("tcp/" + (OpenPorts.FIRST + random.nextInt(8))));
        int replicas = 0;
        for (int event = 0; event < 6; event++) {
            cluster.run(random.nextInt(3_000));
            int number = 1 + random.nextInt(size);
            switch (random.nextInt(5)) {
                case 0 -> cluster.deploy(web.image("app:" + (2 + event)));
                case 1 -> cluster.deploy(web.openPorts(List.of("tcp/80", "tcp/81", "udp/80").subList(0, 1 + random.nextInt(3)).toArray(String[]::new))
                        .image("app:" + (2 + event)));
                case 2 -> cluster.host(number).restartAgent();
                case 3 -> cluster.cutAfter(number);
                default -> cluster.running("web").stream().findFirst().ifPresent(task -> cluster.hosts.stream()
                        .filter(host -> host.id.equals(task.node()) && host.containers.alive().containsKey(task.id()))
                        .forEach(host -> host.containers.kill(task.id(), cluster.now)));
            }
        }
        cluster.heal();
        replicas = 1 + random.nextInt(6);
        cluster.deploy(web.replicas(replicas));
        int wanted = replicas;
        ServiceSpec last = web.spec();
        cluster.runUntil("each slot once, up to date", 180_000, () -> cluster.eachSlotOnce("web", wanted)
                && cluster.running("web").stream().allMatch(task -> task.templateHash().equals(last.templateHash())));
        cluster.runToRest();
        cluster.running("web").forEach(task -> assertEquals(targets(last), List.copyOf(new TreeSet<>(task.pickedPorts().values())), cluster::describe));
    }

    private static List<Integer> targets(ServiceSpec service) {
        return service.openPorts().stream().map(port -> Integer.parseInt(port.substring(4))).distinct().sorted().toList();
    }

    /** A process of the host listens on all of the range's TCP ports but the last {@code free}. */
    private static NodeView allBut(NodeView node, int free) {
        List<String> taken = new ArrayList<>();
        for (int port = OpenPorts.FIRST; port <= OpenPorts.LAST - free; port++) {
            taken.add("tcp/" + port);
        }
        return Given.with(node, new Obstacles(new TreeSet<>(), new TreeSet<>(taken)));
    }
}
