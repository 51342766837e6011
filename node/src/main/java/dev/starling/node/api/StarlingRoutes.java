package dev.starling.node.api;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.Bytes;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.desired.HybridTime;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.node.spec.ComposeFile;
import dev.starling.node.spec.ServiceMode;
import dev.starling.node.spec.ServiceSpecCheck;
import dev.starling.node.spec.ServiceSpecReader;
import dev.starling.scheduler.autoscale.Autoscale;
import dev.starling.scheduler.model.Availability;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.View;
import dev.starling.scheduler.plan.Explain;
import dev.starling.scheduler.plan.Forecast;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.function.UnaryOperator;

/**
 * {@code /starling/...}, beside Docker's API: what the scheduler thinks. {@code explain} says each node's bid for a slot, or why not; {@code plan}
 * and {@code whatif} run the planner on today's view with other services or nodes, and change nothing. Any node answers, from what it sees.
 */
final class StarlingRoutes {
    /** The state that it has is a part of the cluster's, as a rule: its log says what it does not take in. */
    private static final String NOT_ENROLLED = "the node that answers does not find itself in the cluster's state as it has it, and takes no task";

    private final PendingTasks pending;
    private final ServiceSpecCheck check;

    StarlingRoutes(DockerApi.Seams seams) {
        this.pending = seams.pending();
        this.check = new ServiceSpecCheck(seams.constraints(), seams.features());
    }

    void addTo(Endpoints endpoints) {
        endpoints.get("/starling/explain/{slot}", this::explain);
        endpoints.get("/starling/whatif", this::whatIf);
        endpoints.post("/starling/plan", call -> CompletableFuture.completedFuture(plan(call)));
    }

    private Reply explain(Call call) {
        ClusterSnapshot snapshot = call.snapshot();
        Slot slot = slot(snapshot, call.path("slot"));
        Explain explain = Explain.slot(snapshot.view(), slot)
                .orElseThrow(() -> ApiException.notFound("the service of " + call.path("slot") + " is not there any more"));
        ObjectNode json = Json.object().put("Slot", name(snapshot.view(), slot)).put("Summary", explain.summary());
        if (!snapshot.view().nodes().containsKey(snapshot.self())) {
            json.put("Note", NOT_ENROLLED);
        }
        ServiceSpec service = snapshot.view().services().get(slot.serviceUid());
        Autoscale.of(snapshot.view(), service).ifPresent(asked -> json.put("Autoscale", asked.text()));
        ArrayNode nodes = json.putArray("Nodes");
        for (Explain.Verdict verdict : explain.verdicts()) {
            ObjectNode entry = nodes.addObject().put("ID", verdict.node().value()).put("Hostname", hostname(snapshot.view(), verdict.node()));
            if (verdict instanceof Explain.Filtered filtered) {
                entry.put("Verdict", "no").put("Filter", filtered.filter().name().toLowerCase(Locale.ROOT));
            } else if (verdict instanceof Explain.Refused) {
                entry.put("Verdict", "refused");
            } else if (verdict instanceof Explain.Offer offer) {
                entry.put("Verdict", "bids").put("Price", offer.price());
            } else if (verdict instanceof Explain.Holds holds) {
                entry.put("Verdict", "has it").put("Price", holds.task().price());
            } else {
                throw new IllegalStateException("unknown verdict " + verdict);
            }
            entry.put("Text", verdict.text());
        }
        return Reply.json(json);
    }

    /** A task's id or the beginning of one, or SERVICE.SLOT, where the slot of a global service is a node. */
    private Slot slot(ClusterSnapshot snapshot, String reference) {
        int dot = reference.lastIndexOf('.');
        if (dot < 0) {
            return pending.of(snapshot).stream().filter(task -> task.id().startsWith(reference)).map(Task::slot).findFirst()
                    .orElseGet(() -> new Lookup(snapshot).task(reference).slot());
        }
        Document service = new Lookup(snapshot).document(Kind.SERVICE, reference.substring(0, dot));
        String place = reference.substring(dot + 1);
        ServiceSpec spec = ServiceSpecReader.fromBody(service);
        if (spec.isPerNode()) {
            return Slot.global(service.uid(), new Lookup(snapshot).node(place).id());
        }
        int first = spec.isJob() ? 0 : 1;
        if (!place.matches("[0-9]{1,9}") || Integer.parseInt(place) < first) {
            throw ApiException.badRequest("'" + place + "' is no slot of service " + service.name() + ": they are numbered from " + first);
        }
        return Slot.replica(service.uid(), Integer.parseInt(place) + 1 - first);
    }

    private Reply whatIf(Call call) {
        ClusterSnapshot snapshot = call.snapshot();
        SortedMap<NodeId, NodeView> nodes = new TreeMap<>(snapshot.view().nodes());
        change(call, "down", snapshot, nodes, node -> node.withReady(false));
        change(call, "drain", snapshot, nodes, node -> node.withAvailability(Availability.DRAIN));
        change(call, "up", snapshot, nodes, node -> node.withReady(true).withAvailability(Availability.ACTIVE));
        View then = snapshot.view().withNodes(nodes);
        return Reply.json(json(then, Forecast.of(snapshot.view(), then).placements().stream()
                .filter(placement -> placement.before() != null || placement.after() != null || !placement.reason().isEmpty()).toList()));
    }

    private static void change(Call call, String parameter, ClusterSnapshot snapshot, SortedMap<NodeId, NodeView> nodes, UnaryOperator<NodeView> how) {
        for (String reference : call.queries(parameter)) {
            NodeId node = new Lookup(snapshot).node(reference).id();
            nodes.computeIfPresent(node, (id, view) -> how.apply(view));
        }
    }

    private Reply plan(Call call) {
        ClusterSnapshot snapshot = call.snapshot();
        SortedMap<String, ServiceSpec> services = new TreeMap<>(snapshot.view().services());
        List<String> planned = new ArrayList<>();
        for (ObjectNode wanted : specs(call.objectBody(), call.query("stack", ""))) {
            Document existing = snapshot.documents().getOrDefault(Kind.SERVICE, List.of()).stream()
                    .filter(document -> document.name().equals(wanted.path("Name").asText())).findFirst().orElse(null);
            ServiceSpec service = planned(check.accept(wanted, snapshot, existing == null ? "" : existing.uid()), existing, snapshot);
            services.put(service.uid(), service);
            planned.add(service.uid());
        }
        View then = snapshot.view().withServices(services);
        return Reply.json(json(then, Forecast.of(snapshot.view(), then).placements().stream()
                .filter(placement -> planned.contains(placement.slot().serviceUid()) || placement.moves()).toList()));
    }

    private static List<ObjectNode> specs(JsonNode body, String stack) {
        if (body.path("TaskTemplate").isObject()) {
            return List.of((ObjectNode) body);
        }
        if (body.path("Spec").path("TaskTemplate").isObject()) { // as docker service inspect writes it
            return List.of((ObjectNode) body.path("Spec"));
        }
        return ComposeFile.services(body, stack);
    }

    /** The service as it would be once it was written: the next generation of one that is there, or the youngest of all. */
    private static ServiceSpec planned(ObjectNode spec, Document existing, ClusterSnapshot snapshot) {
        String uid = existing != null ? existing.uid() : "planned-" + spec.path("Name").asText();
        HybridTime youngest = snapshot.view().services().values().stream().map(ServiceSpec::created).max(HybridTime::compareTo)
                .orElse(HybridTime.ZERO);
        ObjectNode body = Json.object();
        body.set("Spec", spec);
        if (existing != null && ServiceMode.isJob(spec)) {
            body.set(ServiceMode.JOB_STATUS, existing.body().path(ServiceMode.JOB_STATUS));
        }
        DesiredObject object = new DesiredObject(Kind.SERVICE, uid, existing != null ? existing.object().created() : youngest.next(0),
                existing != null ? existing.object().generation() + 1 : 1, youngest, snapshot.self(), false, Bytes.EMPTY, Bytes.EMPTY, Bytes.EMPTY);
        return ServiceSpecReader.fromBody(new Document(object, body));
    }

    private static ObjectNode json(View view, List<Forecast.Placement> placements) {
        ObjectNode json = Json.object();
        ArrayNode slots = json.putArray("Slots");
        for (Forecast.Placement placement : placements) {
            slots.addObject().put("Slot", placement.serviceName() + "." + place(view, placement.slot()))
                    .put("Before", hostname(view, placement.before())).put("After", hostname(view, placement.after()))
                    .put("Reason", placement.reason());
        }
        return json;
    }

    private static String name(View view, Slot slot) {
        ServiceSpec service = view.services().get(slot.serviceUid());
        return (service == null ? slot.serviceUid() : service.name()) + "." + place(view, slot);
    }

    private static String place(View view, Slot slot) {
        ServiceSpec service = view.services().get(slot.serviceUid());
        return slot.isGlobal() ? hostname(view, slot.node()) : Integer.toString(service != null && service.isJob() ? slot.index() - 1 : slot.index());
    }

    private static String hostname(View view, NodeId id) {
        NodeView node = id == null ? null : view.nodes().get(id);
        return id == null ? "" : node == null || node.hostname().isEmpty() ? id.value() : node.hostname();
    }
}
