package dev.starling.node.core;

import com.fasterxml.jackson.databind.JsonNode;
import dev.starling.scheduler.model.Amendment;
import dev.starling.scheduler.model.Availability;
import dev.starling.scheduler.model.NetworkSpec;
import dev.starling.scheduler.model.ServiceSpec;
import java.util.Optional;
import java.util.SortedMap;

/** Reads what the planner needs out of stored documents, and writes its amendments into them. Never throws for a document of a newer release. */
public interface SpecReader {
    ServiceSpec service(Document document);

    NetworkSpec network(Document document);

    NodeSettings node(Document document);

    /** Of the cluster's document: how many ended tasks are kept of each slot. */
    int taskHistoryLimit(Document cluster);

    /**
     * The service's body with the amendment in it; empty where it no longer applies.
     *
     * @param snapshot the cluster as the writer knows it
     */
    Optional<JsonNode> amended(Document service, Amendment amendment, ClusterSnapshot snapshot, long wallMillis);

    /** What operators set on a node with {@code docker node update}. */
    record NodeSettings(Availability availability, SortedMap<String, String> labels) {}
}
