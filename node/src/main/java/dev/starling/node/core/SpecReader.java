package dev.starling.node.core;

import dev.starling.scheduler.model.Availability;
import dev.starling.scheduler.model.NetworkSpec;
import dev.starling.scheduler.model.ServiceSpec;
import java.util.SortedMap;

/** Reads what the planner needs out of stored documents. Never throws for a document of a newer release. */
public interface SpecReader {
    ServiceSpec service(Document document);

    NetworkSpec network(Document document);

    NodeSettings node(Document document);

    /** What operators set on a node with {@code docker node update}. */
    record NodeSettings(Availability availability, SortedMap<String, String> labels) {}
}
