package dev.starling.node.spec;

import com.fasterxml.jackson.databind.JsonNode;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.node.core.SpecReader;
import dev.starling.scheduler.model.Amendment;
import dev.starling.scheduler.model.NetworkSpec;
import dev.starling.scheduler.model.ServiceSpec;
import java.util.Optional;

/** The documents are Docker's JSON. */
public final class DockerSpecReader implements SpecReader {
    @Override
    public ServiceSpec service(Document document) {
        return ServiceSpecReader.fromBody(document);
    }

    @Override
    public NetworkSpec network(Document document) {
        return NetworkSpecReader.fromBody(document).orElse(null);
    }

    @Override
    public Optional<JsonNode> amended(Document service, Amendment amendment, ClusterSnapshot snapshot, long wallMillis) {
        return ServiceAmendments.amended(service, amendment, snapshot, wallMillis).map(body -> body);
    }

    @Override
    public NodeSettings node(Document document) {
        NodeSpecReader.NodeSpec spec = NodeSpecReader.fromBody(document);
        return new NodeSettings(spec.availability(), spec.labels());
    }

    @Override
    public int taskHistoryLimit(Document cluster) {
        return SwarmSpec.taskHistoryLimit(cluster.spec());
    }
}
