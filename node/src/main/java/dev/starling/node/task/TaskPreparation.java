package dev.starling.node.task;

import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.node.core.NodeReport;
import dev.starling.node.host.ListeningPorts;
import dev.starling.node.image.ImagesOfTasks;
import dev.starling.node.network.OverlayRunner;
import dev.starling.node.network.ServiceAddresses;
import dev.starling.node.secret.SecretSource;
import dev.starling.node.spec.ContainerSpecBuilder;
import dev.starling.node.spec.PullCredentials;
import dev.starling.node.spec.TaskTemplate;
import dev.starling.runtime.Container;
import dev.starling.runtime.ContainerFile;
import dev.starling.runtime.ContainerRuntime;
import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.image.RegistryCredentials;
import dev.starling.scheduler.lease.LeaseConfig;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.Task;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/** What a task's container needs of this node: the image at hand, its spec, its secrets and configs, its networks. */
public final class TaskPreparation implements TaskRunner.Preparation {
    /** A task that does not listen on what it publishes runs all the same, in the end. */
    private static final Duration ANSWERING = Duration.ofSeconds(2);

    private final OverlayRunner overlays;
    private final ServiceAddresses services;
    private final TaskFiles files;
    private final SecretSource secrets;
    private final ImagesOfTasks images;

    public TaskPreparation(OverlayRunner overlays, ServiceAddresses services, TaskFiles files, SecretSource secrets, ImagesOfTasks images) {
        this.overlays = overlays;
        this.services = services;
        this.files = files;
        this.secrets = secrets;
        this.images = images;
    }

    @Override
    public ContainerSpec containerSpec(Document service, Task task, ClusterSnapshot snapshot) {
        NodeReport report = snapshot.reports().get(snapshot.self());
        NodeView node = snapshot.view().nodes().get(snapshot.self());
        if (report == null || node == null) {
            throw RuntimeShimException.conflict("this node is no member of the swarm any more");
        }
        List<String> nameServers = new ArrayList<>();
        task.addresses().keySet().forEach(uid -> nameServers.add(overlays.network(snapshot, uid).gateway()));
        ContainerSpec spec;
        try {
            spec = ContainerSpecBuilder.build(service, task, report, node.labels(), nameServers);
        } catch (IllegalArgumentException e) {
            throw RuntimeShimException.invalid(e.getMessage());
        }
        return TaskTemplate.of(service, task).map(template -> withGrace(spec, grace(task, template))).orElse(spec);
    }

    /** An exclusive task has to be gone before its stewards may vote for another node. */
    private static long grace(Task task, TaskTemplate template) {
        long wanted = template.stopGrace().toMillis();
        return task.fencingToken() > 0 ? Math.min(wanted, LeaseConfig.defaults().stopMillis()) : wanted;
    }

    private static ContainerSpec withGrace(ContainerSpec spec, long graceMillis) {
        SortedMap<String, String> labels = new TreeMap<>(spec.labels());
        labels.put(TaskRunner.GRACE_LABEL, Long.toString(graceMillis));
        return spec.withLabels(Collections.unmodifiableSortedMap(labels));
    }

    @Override
    public CompletableFuture<Void> image(Document service, ContainerSpec spec, Consumer<String> tell) {
        if (!PullCredentials.has(service)) {
            return images.atHand(spec.image(), ImagesOfTasks.Login.NONE, tell);
        }
        return images.atHand(spec.image(), new ImagesOfTasks.Login(PullCredentials.name(service), () -> secrets.value(PullCredentials.name(service))
                .thenApply(header -> RegistryCredentials.ofHeader(new String(header, StandardCharsets.US_ASCII)))), tell);
    }

    @Override
    public CompletableFuture<List<ContainerFile>> files(Document service, Task task, ClusterSnapshot snapshot) {
        return files.of(service, task, snapshot);
    }

    @Override
    public ContainerRuntime.NetworkSetup network(Task task, ClusterSnapshot snapshot) {
        services.takeHostPorts(task, snapshot);
        return overlays.setup(task, snapshot);
    }

    @Override
    public void awaitAnswering(Task task, Container container, ClusterSnapshot snapshot) {
        Document service = snapshot.document(Kind.SERVICE, task.slot().serviceUid());
        if (service == null) {
            return;
        }
        Set<String> targets = new TreeSet<>();
        service.spec().path("EndpointSpec").path("Ports").forEach(port -> {
            if (port.path("Protocol").asText("tcp").equals("tcp")) {
                targets.add("tcp/" + port.path("TargetPort").asInt(0));
            }
        });
        if (!targets.isEmpty()) {
            ListeningPorts.of(container.pid()).await(targets, ANSWERING);
        }
    }

    @Override
    public void leaveBalance(Task task, ClusterSnapshot snapshot) {
        services.awaitOutOfBalance(task, snapshot);
    }
}
