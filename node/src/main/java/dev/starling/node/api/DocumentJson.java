package dev.starling.node.api;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.node.core.Document;

/** The fields that all objects of the desired state begin with. */
final class DocumentJson {
    static ObjectNode head(Document document) {
        ObjectNode json = Json.object();
        json.put("ID", document.uid());
        json.putObject("Version").put("Index", document.object().generation());
        json.put("CreatedAt", Json.time(document.object().created().wallMillis()));
        json.put("UpdatedAt", Json.time(document.object().time().wallMillis()));
        return json;
    }

    private DocumentJson() {}
}
