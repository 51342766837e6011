package dev.starling.node.spec;

import dev.starling.node.core.Document;
import dev.starling.node.core.SpecReader;
import dev.starling.scheduler.model.NetworkSpec;
import dev.starling.scheduler.model.ServiceSpec;

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
    public NodeSettings node(Document document) {
        NodeSpecReader.NodeSpec spec = NodeSpecReader.fromBody(document);
        return new NodeSettings(spec.availability(), spec.labels());
    }
}
