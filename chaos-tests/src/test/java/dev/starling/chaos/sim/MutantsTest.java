package dev.starling.chaos.sim;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.chaos.invariant.AcknowledgedWritesAreKept;
import dev.starling.chaos.invariant.AtMostInChange;
import dev.starling.chaos.invariant.CapacityRespected;
import dev.starling.chaos.invariant.ClaimsNeverGoBack;
import dev.starling.chaos.invariant.DevicesAreWithOneTask;
import dev.starling.chaos.invariant.EachSlotRunsOnce;
import dev.starling.chaos.invariant.GenerationsNeverGoBack;
import dev.starling.chaos.invariant.JobsAreDone;
import dev.starling.chaos.invariant.ViewsAreEqual;
import dev.starling.gossip.Bytes;
import dev.starling.gossip.GossipConfig;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.Document;
import dev.starling.scheduler.model.GenericResources;
import dev.starling.scheduler.model.Resources;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskReport;
import dev.starling.scheduler.model.TaskState;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

/** An invariant that cannot fail says nothing: each of these breaks one part at the edge of the core, and names who has to notice. */
class MutantsTest {
    @Test
    void aDiskThatForgetsDeletionsBringsThemBack() {
        Simulation cluster = cluster(new Hardware() {
            @Override
            public SimDisk disk() {
                return new SimDisk() {
                    @Override
                    void save(DesiredObject object) {
                        if (!object.deleted()) {
                            super.save(object);
                        }
                    }
                };
            }
        });
        Document web = create(cluster, Services.replicated("web", 3));
        cluster.runFor(3_000);
        first(cluster).operate((core, now) -> core.delete(web.uid(), now));
        cluster.runFor(3_000);
        assertNoticed("GenerationsNeverGoBack", () -> {
            first(cluster).killAgent();
            first(cluster).start();
            cluster.runFor(1_000);
        });
    }

    @Test
    void aDiskThatOnlySaysThatItWroteLosesAcknowledgedWrites() {
        Simulation cluster = cluster(new Hardware() {
            @Override
            public SimDisk disk() {
                return new SimDisk() {
                    @Override
                    void save(DesiredObject object) {
                        if (object.kind() != Kind.SERVICE) {
                            super.save(object);
                        }
                    }
                };
            }
        });
        create(cluster, Services.replicated("web", 3));
        cluster.runFor(3_000);
        cluster.nodes().forEach(SimNode::powerCut);
        cluster.nodes().forEach(SimNode::start);
        cluster.runFor(10_000);
        assertNoticed("AcknowledgedWritesAreKept", () -> cluster.check(new AcknowledgedWritesAreKept()));
    }

    @Test
    void aRecordThatIsNotOnDiskStartsTasksTwice() {
        Simulation cluster = cluster(new Hardware() {
            @Override
            public SimDisk disk() {
                return new SimDisk() {
                    @Override
                    void save(String key, Optional<Bytes> value) {
                        if (!key.startsWith("task/")) {
                            super.save(key, value);
                        }
                    }
                };
            }
        });
        create(cluster, Services.replicated("web", 3));
        cluster.runFor(3_000);
        cluster.nodes().forEach(SimNode::killAgent);
        cluster.nodes().forEach(SimNode::start);
        cluster.runFor(15_000); // they listen first, and then start what they do not know of
        assertNoticed("EachSlotRunsOnce", () -> cluster.settle(List.of(new ViewsAreEqual(), new EachSlotRunsOnce()), 30_000));
    }

    @Test
    void containersThatDoNotStopAreSeen() {
        Simulation cluster = cluster(new Hardware() {
            @Override
            public SimContainers containers(EventQueue events, RandomGenerator random, SimContainers.Reports reports) {
                return new SimContainers(events, random, reports) {
                    @Override
                    void stop(Task task) {
                        reports.accept(new TaskReport(task.id(), TaskState.SHUTDOWN, "shutdown", "", 0, "", 0));
                    }

                    @Override
                    void remove(Task task) {
                        // it goes on
                    }
                };
            }
        });
        Document web = create(cluster, Services.replicated("web", 3));
        cluster.runFor(3_000);
        first(cluster).operate((core, now) -> core.delete(web.uid(), now));
        assertNoticed("EachSlotRunsOnce", () -> cluster.settle(List.of(new ViewsAreEqual(), new EachSlotRunsOnce()), 30_000));
    }

    @Test
    void aNodeThatBoastsIsOverloaded() {
        Simulation cluster = cluster(new Hardware() {
            @Override
            public Resources reported(Resources capacity) {
                return new Resources(capacity.nanoCpus() * 2, capacity.memoryBytes() * 2);
            }
        });
        assertNoticed("CapacityRespected", () -> {
            create(cluster, Services.replicated("big", 15).reserving(1_000_000_000L, 64L << 20));
            cluster.runFor(5_000);
        });
    }

    @Test
    void aNodeWhoseConfigurationInventsDevicesIsSeen() {
        Simulation cluster = cluster(new Hardware() {
            @Override
            public Resources reported(Resources capacity) {
                return capacity.withGeneric(GenericResources.of(new TreeMap<>(),
                        new TreeMap<>(Map.of("gpu", new TreeSet<>(List.of("A", "B", "C"))))));
            }
        });
        cluster.always(new DevicesAreWithOneTask());
        AssertionError error = assertThrows(AssertionError.class, () -> {
            create(cluster, Services.replicated("train", 9).wanting("gpu", 1));
            cluster.runFor(5_000);
        });
        assertTrue(error.getMessage().startsWith("DevicesAreWithOneTask") || error.getMessage().startsWith("CapacityRespected"), error.getMessage());
    }

    @Test
    void workThatIsOnlySaidToBeDoneIsSeen() {
        Simulation cluster = cluster(new Hardware() {
            @Override
            public SimContainers containers(EventQueue events, RandomGenerator random, SimContainers.Reports reports) {
                return new SimContainers(events, random, report -> reports.accept(report.state() == TaskState.RUNNING
                        ? new TaskReport(report.taskId(), TaskState.COMPLETE, "finished", "", 0, report.containerId(), 0) : report));
            }
        });
        create(cluster, Services.job("job", 6, 3).image("busybox:latest"));
        assertNoticed("JobsAreDone", () -> cluster.settle(List.of(new JobsAreDone()), 30_000));
    }

    @Test
    void recordsThatAreNotOnDiskLetWorkBeDoneAgain() {
        Simulation cluster = cluster(new Hardware() {
            @Override
            public SimDisk disk() {
                return new SimDisk() {
                    @Override
                    void save(String key, Optional<Bytes> value) {
                        if (!key.startsWith("task/") && !key.startsWith("completed/")) {
                            super.save(key, value);
                        }
                    }
                };
            }
        });
        create(cluster, Services.job("job", 6, 3));
        cluster.settle(List.of(new JobsAreDone()), 30_000);
        int done = cluster.nodes().stream().mapToInt(node -> node.completed().size()).sum();
        cluster.nodes().forEach(SimNode::powerCut);
        cluster.nodes().forEach(SimNode::start);
        cluster.runFor(30_000);
        assertTrue(cluster.nodes().stream().mapToInt(node -> node.completed().size()).sum() > done, "the same disks keep it in JobsOutliveNodesTest");
    }

    @Test
    void aRolloutWithoutALimitIsSeen() {
        Simulation cluster = cluster(Hardware.SOUND);
        Document web = create(cluster, Services.replicated("web", 6).updating(0));
        cluster.runFor(3_000);
        cluster.always(new AtMostInChange(web.uid(), 6, 2));
        assertNoticed("AtMostInChange", () -> {
            first(cluster).operate((core, now) -> core.update(web.uid(), 1, Services.replicated("web", 6).image("other:1").updating(0).body(), now));
            cluster.runFor(5_000);
        });
    }

    private static void assertNoticed(String invariant, Runnable run) {
        AssertionError error = assertThrows(AssertionError.class, run::run);
        assertTrue(error.getMessage().startsWith(invariant), error.getMessage());
    }

    private static Simulation cluster(Hardware hardware) {
        Simulation cluster = new Simulation(1, GossipConfig.lan(), hardware);
        cluster.addNodes(3);
        cluster.startAll();
        cluster.runFor(5_000);
        cluster.always(new CapacityRespected());
        cluster.always(new GenerationsNeverGoBack());
        cluster.always(new ClaimsNeverGoBack());
        return cluster;
    }

    private static SimNode first(Simulation cluster) {
        return cluster.nodes().get(0);
    }

    private static Document create(Simulation cluster, Services service) {
        return first(cluster).operate((core, now) -> core.create(Kind.SERVICE, null, service.body(), now));
    }
}
