package dev.starling.node.api;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.node.spec.FileReference;
import dev.starling.node.spec.FileTemplate;
import dev.starling.node.spec.SecretSpecCheck;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletionStage;

/**
 * {@code /secrets} and {@code /configs}, which differ in one thing: a config's data is part of its spec and shown to all, a secret's goes in
 * and never comes out. Neither can be changed but for its labels.
 */
final class SecretRoutes {
    private final ClusterControl control;
    private final Kind kind;
    private final String word;

    /** @param kind SECRET or CONFIG */
    SecretRoutes(ClusterControl control, Kind kind) {
        this.control = control;
        this.kind = kind;
        this.word = kind.name().toLowerCase(Locale.ROOT);
    }

    void addTo(Endpoints endpoints) {
        String path = "/" + word + "s";
        endpoints.get(path, this::list);
        endpoints.post(path + "/create", this::create);
        endpoints.get(path + "/{id}", this::inspect);
        endpoints.post(path + "/{id}/update", this::update);
        endpoints.delete(path + "/{id}", this::delete);
    }

    private Reply list(Call call) {
        Filters filters = call.filters("id", "name", "names", "label");
        ArrayNode result = Json.array();
        for (Document document : all(call.snapshot())) {
            if (filters.prefix("id", document.uid()) && filters.prefix("name", document.name()) && filters.exactly("names", document.name())
                    && filters.labels("label", document.spec().path("Labels"))) {
                result.add(json(document));
            }
        }
        return Reply.json(result);
    }

    private Reply inspect(Call call) {
        return Reply.json(json(new Lookup(call.snapshot()).document(kind, call.path("id"))));
    }

    private CompletionStage<Reply> create(Call call) {
        ClusterSnapshot snapshot = call.managerSnapshot();
        SecretSpecCheck.Accepted accepted = SecretSpecCheck.acceptNew(kind, call.objectBody());
        String name = accepted.spec().path("Name").asText();
        if (all(snapshot).stream().anyMatch(other -> other.name().equals(name))) {
            throw ApiException.conflict("rpc error: code = AlreadyExists desc = " + word + " " + name + " already exists");
        }
        CompletionStage<Document> written = kind == Kind.SECRET ? control.createSecret(accepted.spec(), accepted.data())
                : control.create(kind, Json.object().set("Spec", withData(accepted.spec(), accepted.data())));
        return written.thenApply(document -> Reply.created(Json.object().put("ID", document.uid())));
    }

    private CompletionStage<Reply> update(Call call) {
        ClusterSnapshot snapshot = call.managerSnapshot();
        Document document = new Lookup(snapshot).document(kind, call.path("id"));
        long version = call.integer("version", -1, 0, Long.MAX_VALUE);
        if (version < 0) {
            throw ApiException.badRequest("invalid " + word + " version: a version is needed");
        }
        SecretSpecCheck.Accepted accepted = SecretSpecCheck.accept(call.objectBody());
        if (!accepted.spec().path("Name").asText().equals(document.name()) || accepted.data() != null && !holds(document, accepted.data())
                || FileTemplate.isTemplate(accepted.spec()) != FileTemplate.isTemplate(document.spec())) {
            throw ApiException.badRequest("rpc error: code = InvalidArgument desc = only updates to Labels are allowed");
        }
        ObjectNode body = document.body().deepCopy();
        ((ObjectNode) body.path("Spec")).set("Labels", accepted.spec().path("Labels"));
        return control.update(document.uid(), version, body).thenApply(done -> Reply.OK);
    }

    private boolean holds(Document document, byte[] data) {
        return kind == Kind.SECRET ? control.secretHolds(document, data)
                : Arrays.equals(Base64.getDecoder().decode(document.spec().path("Data").asText()), data);
    }

    private CompletionStage<Reply> delete(Call call) {
        ClusterSnapshot snapshot = call.managerSnapshot();
        Document document = new Lookup(snapshot).document(kind, call.path("id"));
        List<String> users = FileReference.users(document.uid(), snapshot).stream().map(Document::name).toList();
        if (!users.isEmpty()) {
            throw ApiException.badRequest("rpc error: code = InvalidArgument desc = " + word + " '" + document.name()
                    + "' is in use by the following " + (users.size() == 1 ? "service" : "services") + ": " + String.join(", ", users));
        }
        return control.delete(document.uid()).thenApply(done -> Reply.NO_CONTENT);
    }

    private List<Document> all(ClusterSnapshot snapshot) {
        return snapshot.documents().getOrDefault(kind, List.of());
    }

    /** A secret's document has its value beside the spec, sealed: it is left out. */
    private static JsonNode json(Document document) {
        return DocumentJson.head(document).set("Spec", document.spec());
    }

    private static ObjectNode withData(ObjectNode spec, byte[] data) {
        return spec.put("Data", Base64.getEncoder().encodeToString(data));
    }
}
