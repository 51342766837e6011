package dev.starling.scheduler;

import dev.starling.scheduler.model.Availability;
import dev.starling.scheduler.model.Resources;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import dev.starling.scheduler.model.Time;
import dev.starling.scheduler.model.UpdatePolicy;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;

/**
 * Random clusters under random faults. {@link Cluster} checks at each tick that capacity, ports and the order of effects hold; when the
 * faults have ended, each slot runs exactly once, no address is used twice, and everything is at rest within bounded time.
 */
class ClusterPropertyTest {
    @Property(tries = 60, shrinking = ShrinkingMode.OFF)
    void whenFaultsEndEachSlotRunsExactlyOnce(@ForAll @LongRange(min = 0, max = 1_000_000) long seed, @ForAll @IntRange(min = 2, max = 7) int size) {
        Random random = new Random(seed);
        Cluster cluster = new Cluster(size, seed, 0, 100 + random.nextInt(900));
        cluster.add(Given.network("net", "10.0.0.0/22", "10.0.0.1"));
        Given.Service web = Given.service("web", 1 + random.nextInt(20)).networks("net").reserves(Given.CORE / 20, 0)
                .update(1 + random.nextInt(3), UpdatePolicy.FailureAction.CONTINUE, UpdatePolicy.Order.values()[random.nextInt(2)]);
        Given.Service api = Given.service("api", 1 + random.nextInt(10)).networks("net");
        cluster.deploy(web);
        cluster.deploy(api);
        int replicas = replicas(web);
        for (int event = 0; event < 6; event++) {
            cluster.run(random.nextInt(4_000));
            int number = 1 + random.nextInt(size);
            switch (random.nextInt(8)) {
                case 0 -> cluster.cutAfter(number);
                case 1 -> cluster.heal();
                case 2 -> {
                    if (cluster.host(number).alive) {
                        cluster.powerCut(number);
                    } else {
                        cluster.powerOn(number);
                    }
                }
                case 3 -> {
                    replicas = random.nextInt(20);
                    cluster.deploy(web.replicas(replicas));
                }
                case 4 -> cluster.deploy(web.image("app:" + (2 + event)));
                case 5 -> cluster.change(number, node -> Given.with(node, Availability.values()[random.nextInt(3)]));
                case 6 -> {
                    if (cluster.host(number).alive) {
                        cluster.host(number).restartAgent();
                    }
                }
                default -> cluster.running("web").stream().findFirst().ifPresent(task -> cluster.hosts.stream()
                        .filter(host -> host.id.equals(task.node()) && host.containers.alive().containsKey(task.id()))
                        .forEach(host -> host.containers.kill(task.id(), cluster.now)));
            }
        }
        cluster.heal();
        for (int i = 1; i <= size; i++) {
            cluster.change(i, node -> Given.with(node, Availability.ACTIVE));
            if (!cluster.host(i).alive) {
                cluster.powerOn(i);
            }
        }
        int wanted = replicas;
        String hash = web.spec().templateHash();
        cluster.runUntil("each slot once, up to date", 120_000, () -> cluster.eachSlotOnce("web", wanted)
                && cluster.eachSlotOnce("api", replicas(api))
                && cluster.running("web").stream().allMatch(task -> task.templateHash().equals(hash)));
        cluster.runToRest();
        int effects = cluster.effectCount;
        cluster.run(5_000);
        Cluster.check(cluster.effectCount == effects, "not at rest\n" + cluster.describe());
        Cluster.check(cluster.eachSlotOnce("web", wanted), "left the state it had reached\n" + cluster.describe());
        List<String> addresses = cluster.hosts.stream().flatMap(host -> host.containers.alive().values().stream())
                .flatMap(task -> task.addresses().values().stream()).toList();
        Cluster.check(addresses.stream().distinct().count() == addresses.size(), "an address is used twice\n" + cluster.describe());
    }

    @Property(tries = 40, shrinking = ShrinkingMode.OFF)
    void capacityIsNeverExceededAndNothingFeasibleIsLeftOut(@ForAll @LongRange(min = 0, max = 1_000_000) long seed) {
        Random random = new Random(seed);
        int size = 2 + random.nextInt(4);
        Cluster cluster = new Cluster(size, seed, 0, 600, SchedulerConfig.defaults(), node -> Given.with(node, new Resources(4 * Given.CORE, 4 * Given.GIB)));
        int a = random.nextInt(4 * size);
        int b = random.nextInt(4 * size);
        cluster.deploy(Given.service("a", a).reserves(Given.CORE, Given.GIB));
        cluster.run(random.nextInt(400));
        cluster.deploy(Given.service("b", b).reserves(Given.CORE, Given.GIB));
        int expected = Math.min(a + b, 4 * size);
        cluster.runUntil("as many as fit", 60_000, () -> cluster.alive("a").size() + cluster.alive("b").size() == expected
                && cluster.running("a").size() + cluster.running("b").size() == expected);
        cluster.run(35_000);
        Cluster.check(cluster.running("a").size() + cluster.running("b").size() == expected, "it does not stay so\n" + cluster.describe());
    }

    @Property(tries = 40, shrinking = ShrinkingMode.OFF)
    void rolloutsNeverHaveMoreThanParallelismInChangeWhateverTheDelays(@ForAll @LongRange(min = 0, max = 1_000_000) long seed) {
        Random random = new Random(seed);
        int parallelism = 1 + random.nextInt(4);
        int replicas = 4 + random.nextInt(12);
        Cluster cluster = new Cluster(2 + random.nextInt(4), seed, 0, 100 + random.nextInt(1_500));
        Given.Service web = Given.service("web", replicas).update(parallelism, UpdatePolicy.FailureAction.PAUSE, UpdatePolicy.Order.STOP_FIRST);
        cluster.deploy(web);
        cluster.runUntil("runs", 60_000, () -> cluster.eachSlotOnce("web", replicas));
        cluster.run(40_000);
        cluster.invariant = c -> Cluster.check(c.running("web").stream().map(Task::slot).distinct().count() >= replicas - parallelism,
                "more than " + parallelism + " in change");
        cluster.deploy(web.image("app:2"));
        cluster.runUntil("updated", 120_000, () -> cluster.eachSlotOnce("web", replicas)
                && cluster.running("web").stream().allMatch(task -> task.templateHash().equals("hash2")));
    }

    @Property(tries = 100)
    void sameInputsGiveSameEffects(@ForAll @LongRange(min = 0, max = 1_000_000) long seed) {
        var services = List.of(Given.service("a", 7).spread("node.labels.zone"), Given.service("b", 3));
        var nodes = List.of(Given.node(1), Given.labelled(Given.node(2), "zone", "x"));
        var tasks = List.of(Given.task("t", Slot.replica("a", 2), Given.id(2), TaskState.RUNNING, 5));
        var first = new Scheduler(Given.id(1), SchedulerConfig.defaults(), new Random(seed));
        var second = new Scheduler(Given.id(1), SchedulerConfig.defaults(), new Random(seed));
        var time = new Time(seed, seed);
        Cluster.check(first.step(Given.view(nodes, services, tasks), time).equals(second.step(Given.view(nodes, services, tasks), time)), "differ");
    }

    private static int replicas(Given.Service service) {
        return ((ServiceSpec.Mode.Replicated) service.spec().mode()).replicas();
    }
}
