package dev.starling.node.api;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.node.spec.NetworkSpecReader;
import dev.starling.node.spec.ServiceEndpoint;
import dev.starling.node.spec.ServiceEndpoints;
import dev.starling.node.spec.ServiceMode;
import dev.starling.node.spec.ServiceSpecReader;
import dev.starling.node.spec.UpdateStatus;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.UpdateStage;
import java.util.List;
import java.util.SortedMap;

/** Services as {@code docker service ls} and {@code inspect} read them. */
final class ServiceJson {
    private static final long SECOND = 1_000_000_000L;

    private final ClusterSnapshot snapshot;
    private final PendingTasks pending;
    private final SortedMap<String, ServiceEndpoint> endpoints;
    /** Null until somebody asks for it. */
    private ServiceCounts counts;

    ServiceJson(ClusterSnapshot snapshot, PendingTasks pending) {
        this.snapshot = snapshot;
        this.pending = pending;
        this.endpoints = ServiceEndpoints.of(snapshot);
    }

    ObjectNode of(Document service, boolean insertDefaults) {
        ObjectNode json = DocumentJson.head(service);
        ObjectNode spec = service.spec().deepCopy();
        if (insertDefaults) {
            insertDefaults(spec);
        }
        json.set("Spec", spec);
        if (service.body().path("PreviousSpec").isObject()) {
            json.set("PreviousSpec", service.body().path("PreviousSpec"));
        }
        json.set("Endpoint", endpoint(service));
        if (ServiceMode.isJob(service.spec())) {
            ObjectNode job = json.putObject(ServiceMode.JOB_STATUS);
            job.putObject("JobIteration").put("Index", ServiceMode.iteration(service.body()));
            job.put("LastExecution", service.body().path(ServiceMode.JOB_STATUS).path("LastExecution")
                    .asText(Json.time(service.object().created().wallMillis())));
            return json;
        }
        UpdateStatus status = UpdateStatus.of(service);
        if (status.stage() != UpdateStage.NONE) {
            putUpdateStatus(json, status);
        }
        return json;
    }

    private ObjectNode endpoint(Document service) {
        ObjectNode json = Json.object();
        JsonNode asked = service.spec().path("EndpointSpec");
        json.set("Spec", asked.isObject() && !asked.isEmpty() ? asked : Json.object());
        ServiceEndpoint endpoint = endpoints.get(service.uid());
        if (!endpoint.ports().isEmpty()) {
            ArrayNode ports = json.putArray("Ports");
            endpoint.ports().forEach(port -> {
                ObjectNode entry = ports.addObject();
                if (!port.name().isEmpty()) {
                    entry.put("Name", port.name());
                }
                entry.put("Protocol", port.protocol()).put("TargetPort", port.target());
                if (!port.isOpen()) { // else it is another one for each task, in its PortStatus
                    entry.put("PublishedPort", port.published());
                }
                entry.put("PublishMode", port.ingress() ? "ingress" : "host");
            });
        }
        if (!endpoint.virtualAddresses().isEmpty()) {
            ArrayNode addresses = json.putArray("VirtualIPs");
            endpoint.virtualAddresses().forEach((network, address) -> putVirtualAddresses(addresses, network, address));
        }
        return json;
    }

    /** One of each family that the network has. */
    private void putVirtualAddresses(ArrayNode addresses, String uid, String address) {
        NetworkSpecReader.overlay(snapshot.document(Kind.NETWORK, uid)).ifPresent(network -> {
            String cidr = address + network.subnet().substring(network.subnet().indexOf('/'));
            addresses.addObject().put("NetworkID", uid).put("Addr", cidr);
            network.ipv6(cidr).ifPresent(ipv6 -> addresses.addObject().put("NetworkID", uid).put("Addr", ipv6));
        });
    }

    /**
     * {@code ServiceStatus}: what {@code docker service ls} shows as replicas. Of a job the running are those of its present iteration, and
     * the completed also those whose node is gone.
     */
    ObjectNode status(Document service) {
        if (counts == null) {
            counts = new ServiceCounts(snapshot, pending);
        }
        ServiceSpec spec = ServiceSpecReader.fromBody(service);
        ServiceCounts.Count count = counts.get(spec.uid());
        int desired = spec.mode() instanceof ServiceSpec.Mode.Replicated replicated ? replicated.replicas()
                : spec.mode() instanceof ServiceSpec.Mode.ReplicatedJob job ? job.maxConcurrent() : count.wanted();
        return Json.object().put("RunningTasks", count.running()).put("DesiredTasks", desired).put("CompletedTasks", count.completed());
    }

    private static void putUpdateStatus(ObjectNode json, UpdateStatus status) {
        ObjectNode update = json.putObject("UpdateStatus").put("State", status.stageName()).put("StartedAt", Json.time(status.startedMillis()));
        if (status.completedMillis() > 0) {
            update.put("CompletedAt", Json.time(status.completedMillis()));
        }
        update.put("Message", status.message());
    }

    /** What Docker fills in for {@code insertDefaults=true}. */
    private static void insertDefaults(ObjectNode spec) {
        boolean job = ServiceMode.isJob(spec);
        if (spec.path("TaskTemplate") instanceof ObjectNode template) {
            if (template.path("ContainerSpec") instanceof ObjectNode container && !container.has("StopGracePeriod")) {
                container.put("StopGracePeriod", 10 * SECOND);
            }
            if (!template.path("RestartPolicy").isObject()) {
                template.putObject("RestartPolicy").put("Condition", job ? "on-failure" : "any").put("Delay", 5 * SECOND).put("MaxAttempts", 0);
            }
        }
        for (String config : List.of("UpdateConfig", "RollbackConfig")) {
            if (!job && !spec.path(config).isObject()) {
                spec.putObject(config).put("Parallelism", 1).put("FailureAction", "pause").put("Monitor", 5 * SECOND)
                        .put("MaxFailureRatio", 0).put("Order", "stop-first");
            }
        }
        if (!spec.path("EndpointSpec").isObject()) {
            spec.putObject("EndpointSpec").put("Mode", "vip");
        }
    }
}
