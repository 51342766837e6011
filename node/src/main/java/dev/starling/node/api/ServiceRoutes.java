package dev.starling.node.api;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.node.spec.FileReferenceCheck;
import dev.starling.node.spec.ServiceMode;
import dev.starling.node.spec.ServiceSpecCheck;
import dev.starling.node.spec.ServiceSpecReader;
import dev.starling.node.spec.SiteLabels;
import dev.starling.node.spec.TaskTemplate;
import dev.starling.node.spec.UpdateStatus;
import dev.starling.runtime.image.RegistryCredentials;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CompletionStage;

/** {@code /services}. Logs are in {@link LogRoutes}. */
final class ServiceRoutes {
    /** Tokens of cloud registries have some 4,000. */
    private static final int MAX_CREDENTIALS = 16_384;
    private static final String BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz";

    private final ClusterControl control;
    private final DockerApi.Seams seams;
    private final ServiceSpecCheck check;
    private final SecureRandom random = new SecureRandom();

    ServiceRoutes(ClusterControl control, DockerApi.Seams seams) {
        this.control = control;
        this.seams = seams;
        this.check = new ServiceSpecCheck(seams.constraints(), seams.features());
    }

    void addTo(Endpoints endpoints) {
        endpoints.get("/services", this::list);
        endpoints.get("/services/{id}", this::inspect);
        endpoints.post("/services/create", this::create);
        endpoints.post("/services/{id}/update", this::update);
        endpoints.delete("/services/{id}", this::delete);
    }

    private Reply list(Call call) {
        Filters filters = call.filters("id", "name", "label", "mode", "runtime");
        filters.require("mode", List.of("replicated", "global", "replicated-job", "global-job"));
        boolean status = call.flag("status");
        ServiceJson json = json(call.snapshot());
        ArrayNode result = Json.array();
        for (Document service : call.snapshot().documents().getOrDefault(Kind.SERVICE, List.of())) {
            JsonNode spec = service.spec();
            if (filters.prefix("id", service.uid()) && filters.prefix("name", service.name()) && filters.labels("label", spec.path("Labels"))
                    && filters.exactly("mode", ServiceMode.name(spec))
                    && filters.exactly("runtime", "container")) {
                ObjectNode entry = json.of(service, false);
                if (status) {
                    entry.set("ServiceStatus", json.status(service));
                }
                result.add(entry);
            }
        }
        return Reply.json(result);
    }

    private Reply inspect(Call call) {
        Document service = new Lookup(call.snapshot()).document(Kind.SERVICE, call.path("id"));
        return Reply.json(json(call.snapshot()).of(service, call.flag("insertDefaults")));
    }

    private CompletionStage<Reply> create(Call call) {
        ClusterSnapshot snapshot = call.managerSnapshot();
        byte[] credentials = credentials(call);
        ObjectNode request = call.objectBody().deepCopy();
        if (request.path("Name").asText("").isEmpty()) {
            request.put("Name", freeName());
        }
        ObjectNode spec = check.accept(request, snapshot, "");
        String name = spec.path("Name").asText();
        if (snapshot.documents().getOrDefault(Kind.SERVICE, List.of()).stream().anyMatch(other -> other.name().equals(name))) {
            throw ApiException.conflict("rpc error: code = AlreadyExists desc = name conflicts with an existing object: service " + name
                    + " already exists");
        }
        ObjectNode body = Json.object();
        body.set("Spec", spec);
        SiteLabels.created(body, snapshot.view().nodes().keySet());
        if (ServiceMode.isJob(spec)) {
            body.set(ServiceMode.JOB_STATUS, jobStatus(1));
        }
        return (credentials.length > 0 ? control.createService(body, credentials) : control.create(Kind.SERVICE, body))
                .thenApply(service -> Reply.created(Json.object().put("ID", service.uid())));
    }

    private CompletionStage<Reply> update(Call call) {
        ClusterSnapshot snapshot = call.managerSnapshot();
        byte[] credentials = credentials(call);
        Document service = new Lookup(snapshot).document(Kind.SERVICE, call.path("id"));
        long version = call.integer("version", -1, 0, Long.MAX_VALUE);
        if (version < 0) {
            throw ApiException.badRequest("invalid service version '': a version is needed");
        }
        ObjectNode body = call.query("rollback", "").equals("previous") ? rolledBack(service, snapshot) : updated(call, service, snapshot);
        return (credentials.length > 0 ? control.updateService(service.uid(), version, body, credentials)
                : control.update(service.uid(), version, body)).thenApply(done -> {
            ObjectNode answer = Json.object();
            answer.putNull("Warnings");
            return Reply.json(answer);
        });
    }

    private ObjectNode updated(Call call, Document service, ClusterSnapshot snapshot) {
        ObjectNode spec = check.accept(call.objectBody(), snapshot, service.uid());
        if (!spec.path("Name").asText().equals(service.name())) {
            throw new ApiException(501, "rpc error: code = Unimplemented desc = renaming services is not supported");
        }
        if (!ServiceMode.name(spec).equals(ServiceMode.name(service.spec()))) {
            throw new ApiException(501, "rpc error: code = Unimplemented desc = service mode change is not allowed");
        }
        ObjectNode body = Json.object();
        body.set("Spec", spec);
        body.set("PreviousSpec", service.spec());
        SiteLabels.updated(body, service.body());
        UpdateStatus.updated(body, service);
        keepIteration(service, body);
        return body;
    }

    /** A job is run again when {@code ForceUpdate} changes, and by nothing else. */
    private static void keepIteration(Document service, ObjectNode body) {
        if (ServiceMode.isJob(service.spec())) {
            boolean again = forceUpdate(body.path("Spec")) != forceUpdate(service.spec());
            body.set(ServiceMode.JOB_STATUS, again || !service.body().path(ServiceMode.JOB_STATUS).isObject()
                    ? jobStatus(ServiceMode.iteration(service.body()) + (again ? 1 : 0)) : service.body().path(ServiceMode.JOB_STATUS));
        }
    }

    private static long forceUpdate(JsonNode spec) {
        return spec.path("TaskTemplate").path("ForceUpdate").asLong(0);
    }

    private static ObjectNode jobStatus(long iteration) {
        ObjectNode status = Json.object();
        status.putObject("JobIteration").put("Index", iteration);
        return status.put("LastExecution", Json.time(Instant.now()));
    }

    private static ObjectNode rolledBack(Document service, ClusterSnapshot snapshot) {
        JsonNode previous = service.body().path("PreviousSpec");
        if (!previous.isObject()) {
            throw ApiException.badRequest("rpc error: code = FailedPrecondition desc = service " + service.name()
                    + " does not have a previous spec");
        }
        FileReferenceCheck.check(TaskTemplate.of(previous), snapshot); // what it referred to may have been removed since
        ObjectNode body = Json.object().put(ServiceSpecReader.ROLLED_BACK, true);
        body.set("Spec", previous);
        body.set("PreviousSpec", service.spec());
        SiteLabels.updated(body, service.body());
        keepIteration(service, body);
        return body;
    }

    /**
     * What the nodes are to pull with; empty for none. What they could not use is refused now, and not when a node cannot pull.
     *
     * @throws ApiException 400 where it is too long; RuntimeShimException where it does not parse or is an identity token
     */
    private static byte[] credentials(Call call) {
        String header = call.header("X-Registry-Auth");
        if (header.length() > MAX_CREDENTIALS) {
            throw ApiException.badRequest("X-Registry-Auth has " + header.length() + " bytes; " + MAX_CREDENTIALS + " are allowed");
        }
        return RegistryCredentials.ofHeader(header).isNobody() ? new byte[0] : header.getBytes(StandardCharsets.US_ASCII);
    }

    private CompletionStage<Reply> delete(Call call) {
        Document service = new Lookup(call.managerSnapshot()).document(Kind.SERVICE, call.path("id"));
        return control.delete(service.uid()).thenApply(done -> Reply.OK);
    }

    private ServiceJson json(ClusterSnapshot snapshot) {
        return new ServiceJson(snapshot, seams.pending());
    }

    /** Docker makes a name up where none is given; ours are no words, but as unlikely to clash. */
    private String freeName() {
        StringBuilder name = new StringBuilder("service-");
        for (int i = 0; i < 12; i++) {
            name.append(BASE36.charAt(random.nextInt(BASE36.length())));
        }
        return name.toString();
    }
}
