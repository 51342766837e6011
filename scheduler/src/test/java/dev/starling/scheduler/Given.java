package dev.starling.scheduler;

import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.HybridTime;
import dev.starling.scheduler.model.Amendment;
import dev.starling.scheduler.model.AutoscalePolicy;
import dev.starling.scheduler.model.Availability;
import dev.starling.scheduler.model.GenericResources;
import dev.starling.scheduler.model.NetworkSpec;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.Obstacles;
import dev.starling.scheduler.model.PartitionPolicy;
import dev.starling.scheduler.model.Platform;
import dev.starling.scheduler.model.Resources;
import dev.starling.scheduler.model.RestartPolicy;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.SitePolicy;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import dev.starling.scheduler.model.UpdatePolicy;
import dev.starling.scheduler.model.UpdateStage;
import dev.starling.scheduler.model.View;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/** The nouns of the tests: nodes, services, tasks and views with defaults, to be changed where a test is about something. */
final class Given {
    static final long GIB = 1L << 30;
    static final long CORE = 1_000_000_000L;

    private Given() {}

    static NodeId id(int number) {
        return new NodeId(String.format("node%02d", number));
    }

    static NodeView node(int number) {
        return new NodeView(id(number), "host" + number, "10.88.0." + (10 + number), Role.MANAGER, true, Availability.ACTIVE, new TreeMap<>(),
                new TreeMap<>(), new Platform("linux", "x86_64"), new Resources(8 * CORE, 8 * GIB), new TreeSet<>(List.of("app:1", "app:2")));
    }

    static NodeView ready(NodeView node, boolean ready) {
        return new NodeView(node.id(), node.hostname(), node.address(), node.role(), ready, node.availability(), node.labels(),
                node.engineLabels(), node.platform(), node.capacity(), node.images(), node.obstacles(), node.conditions());
    }

    static NodeView with(NodeView node, Availability availability) {
        return new NodeView(node.id(), node.hostname(), node.address(), node.role(), node.ready(), availability, node.labels(),
                node.engineLabels(), node.platform(), node.capacity(), node.images(), node.obstacles(), node.conditions());
    }

    static NodeView with(NodeView node, Platform platform) {
        return new NodeView(node.id(), node.hostname(), node.address(), node.role(), node.ready(), node.availability(), node.labels(),
                node.engineLabels(), platform, node.capacity(), node.images(), node.obstacles(), node.conditions());
    }

    static NodeView with(NodeView node, Resources capacity) {
        return new NodeView(node.id(), node.hostname(), node.address(), node.role(), node.ready(), node.availability(), node.labels(),
                node.engineLabels(), node.platform(), capacity, node.images(), node.obstacles(), node.conditions());
    }

    static NodeView labelled(NodeView node, String key, String value) {
        SortedMap<String, String> labels = new TreeMap<>(node.labels());
        labels.put(key, value);
        return new NodeView(node.id(), node.hostname(), node.address(), node.role(), node.ready(), node.availability(), labels,
                node.engineLabels(), node.platform(), node.capacity(), node.images(), node.obstacles(), node.conditions());
    }

    static Service service(String uid, int replicas) {
        return new Service(uid, new ServiceSpec.Mode.Replicated(replicas));
    }

    static Service global(String uid) {
        return new Service(uid, new ServiceSpec.Mode.Global());
    }

    static Service job(String uid, int completions, int maxConcurrent) {
        return new Service(uid, new ServiceSpec.Mode.ReplicatedJob(completions, maxConcurrent, 1)).image("batch:1")
                .restart(RestartPolicy.Condition.ON_FAILURE, 1_000, 0, 0);
    }

    static Service globalJob(String uid) {
        return new Service(uid, new ServiceSpec.Mode.GlobalJob(1)).image("batch:1").restart(RestartPolicy.Condition.ON_FAILURE, 1_000, 0, 0);
    }

    static NodeView with(NodeView node, GenericResources generic) {
        return with(node, node.capacity().withGeneric(generic));
    }

    static NodeView with(NodeView node, Obstacles obstacles) {
        return new NodeView(node.id(), node.hostname(), node.address(), node.role(), node.ready(), node.availability(), node.labels(),
                node.engineLabels(), node.platform(), node.capacity(), node.images(), obstacles, node.conditions());
    }

    static GenericResources named(String kind, String... names) {
        return GenericResources.of(new TreeMap<>(), new TreeMap<>(Map.of(kind, new TreeSet<>(List.of(names)))));
    }

    static GenericResources counted(String kind, long count) {
        return GenericResources.of(new TreeMap<>(Map.of(kind, count)), new TreeMap<>());
    }

    static NetworkSpec network(String uid, String subnet, String gateway) {
        return new NetworkSpec(uid, HybridTime.of(1, 0), subnet, gateway);
    }

    static Task task(String id, Slot slot, NodeId node, TaskState state, long claimed) {
        return new Task(id, slot, node, 1, "hash1", "app:1", state, TaskState.RUNNING, HybridTime.of(claimed, 0), 0, 0, 0, claimed, claimed,
                "", "", -1, "", 0, new TreeMap<>());
    }

    /** The same, made by a later document with another template. */
    static Task updated(Task task, String templateHash, long generation) {
        return new Task(task.id(), task.slot(), task.node(), generation, templateHash, task.image(), task.state(), task.desired(), task.claimed(), task.price(),
                task.attempt(), task.notBefore(), task.createdMillis(), task.changedMillis(), task.message(), task.error(), task.exitCode(),
                task.containerId(), task.pid(), task.addresses());
    }

    static View view(List<NodeView> nodes, List<Service> services, List<Task> tasks) {
        SortedMap<NodeId, NodeView> nodeMap = new TreeMap<>();
        nodes.forEach(node -> nodeMap.put(node.id(), node));
        SortedMap<String, ServiceSpec> serviceMap = new TreeMap<>();
        services.forEach(service -> serviceMap.put(service.uid, service.spec()));
        SortedMap<NodeId, List<Task>> taskMap = new TreeMap<>();
        tasks.forEach(task -> taskMap.computeIfAbsent(task.node(), node -> new ArrayList<>()).add(task));
        return new View(nodeMap, serviceMap, new TreeMap<>(), taskMap, new TreeMap<>(), new TreeMap<>());
    }

    /** What a manager makes of the document. @param previous null where the service has none */
    static ServiceSpec amended(ServiceSpec spec, ServiceSpec previous, Amendment amendment) {
        boolean rollback = spec.stage().isRollback();
        if (amendment instanceof Amendment.RollBack) {
            return with(spec, previous.templateHash(), previous.image(), previous.mode(), UpdateStage.ROLLBACK_STARTED);
        }
        if (amendment instanceof Amendment.Scale scale) {
            return with(spec, spec.templateHash(), spec.image(), new ServiceSpec.Mode.Replicated(scale.replicas()), spec.stage());
        }
        return with(spec, spec.templateHash(), spec.image(), spec.mode(), amendment instanceof Amendment.CompleteUpdate
                ? rollback ? UpdateStage.ROLLBACK_COMPLETED : UpdateStage.COMPLETED
                : rollback ? UpdateStage.ROLLBACK_PAUSED : UpdateStage.PAUSED);
    }

    private static ServiceSpec with(ServiceSpec s, String templateHash, String image, ServiceSpec.Mode mode, UpdateStage stage) {
        return new ServiceSpec(s.uid(), s.name(), s.created(), s.generation(), templateHash, image, mode, s.reservations(), s.constraints(),
                s.spreadPreferences(), s.platforms(), s.maxReplicasPerNode(), s.restart(), s.update(), stage, s.networks(), s.hostPorts(),
                s.openPorts(), s.bindSources(), s.site());
    }

    /** A service in the making; each method changes one thing. */
    static final class Service {
        final String uid;
        private ServiceSpec.Mode mode;
        private long generation = 1;
        private String image = "app:1";
        private Resources reservations = Resources.NONE;
        private List<String> constraints = List.of();
        private List<String> spread = List.of();
        private List<Platform> platforms = List.of();
        private int maxReplicasPerNode;
        private RestartPolicy restart = new RestartPolicy(RestartPolicy.Condition.ANY, 1_000, 0, 0);
        private UpdatePolicy update = UpdatePolicy.DEFAULT;
        private UpdateStage stage = UpdateStage.NONE;
        private AutoscalePolicy autoscale = AutoscalePolicy.OFF;
        private List<String> networks = List.of();
        private List<String> hostPorts = List.of();
        private List<String> openPorts = List.of();
        private List<String> bindSources = List.of();
        private PartitionPolicy partition = PartitionPolicy.BOTH;

        private Service(String uid, ServiceSpec.Mode mode) {
            this.uid = uid;
            this.mode = mode;
        }

        Service replicas(int replicas) {
            mode = new ServiceSpec.Mode.Replicated(replicas);
            generation++;
            return this;
        }

        Service image(String newImage) {
            image = newImage;
            generation++;
            return this;
        }

        Service reserves(long nanoCpus, long memoryBytes) {
            reservations = new Resources(nanoCpus, memoryBytes);
            return this;
        }

        Service constraints(String... all) {
            constraints = Arrays.asList(all);
            return this;
        }

        Service spread(String... descriptors) {
            spread = Arrays.asList(descriptors);
            return this;
        }

        Service platforms(Platform... all) {
            platforms = Arrays.asList(all);
            return this;
        }

        Service maxReplicasPerNode(int limit) {
            maxReplicasPerNode = limit;
            return this;
        }

        Service restart(RestartPolicy.Condition condition, long delayMillis, int maxAttempts, long windowMillis) {
            restart = new RestartPolicy(condition, delayMillis, maxAttempts, windowMillis);
            return this;
        }

        Service update(int parallelism, UpdatePolicy.FailureAction action, UpdatePolicy.Order order) {
            return update(new UpdatePolicy(parallelism, 0, action, 5_000, 0, order));
        }

        Service update(UpdatePolicy policy) {
            update = policy;
            return this;
        }

        /** As {@code docker service update} or {@code rollback} leaves it. */
        Service stage(UpdateStage now) {
            stage = now;
            return this;
        }

        Service autoscale(int min, int max, long cooldownMillis) {
            autoscale = new AutoscalePolicy(min, max, 50, 0, CORE, 0, cooldownMillis);
            return this;
        }

        Service networks(String... uids) {
            networks = Arrays.asList(uids);
            return this;
        }

        Service hostPorts(String... ports) {
            hostPorts = Arrays.asList(ports);
            return this;
        }

        /** Ports of the container, "tcp/80", for which a node picks numbers. */
        Service openPorts(String... ports) {
            openPorts = Arrays.stream(ports).sorted().toList();
            return this;
        }

        Service binds(String... sources) {
            bindSources = Arrays.asList(sources);
            return this;
        }

        Service partition(PartitionPolicy policy) {
            partition = policy;
            return this;
        }

        Service generic(String kind, long count) {
            reservations = reservations.withGeneric(GenericResources.of(new TreeMap<>(Map.of(kind, count)), new TreeMap<>()));
            return this;
        }

        /** {@code docker service update --force} of a job. */
        Service again() {
            generation++;
            mode = mode instanceof ServiceSpec.Mode.ReplicatedJob job
                    ? new ServiceSpec.Mode.ReplicatedJob(job.completions(), job.maxConcurrent(), job.iteration() + 1)
                    : new ServiceSpec.Mode.GlobalJob(((ServiceSpec.Mode.GlobalJob) mode).iteration() + 1);
            return this;
        }

        /** The template hash is the image's number: "app:2" and "bad:2" -> "hash2". */
        ServiceSpec spec() {
            return new ServiceSpec(uid, uid, HybridTime.of(1, 0), generation, "hash" + image.substring(image.indexOf(':') + 1), image, mode,
                    reservations, constraints, spread, platforms, maxReplicasPerNode, restart, update, stage, networks, hostPorts, openPorts, bindSources,
                    new SitePolicy(partition, new TreeSet<>(), true, autoscale));
        }
    }
}
