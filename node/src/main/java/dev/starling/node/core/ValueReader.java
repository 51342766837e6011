package dev.starling.node.core;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.scheduler.model.Resources;
import dev.starling.scheduler.model.Task;

/**
 * Reads what gossip carries as bytes. Handed in, since a simulation of many nodes in one heap reads each value once for all of them: what is read of the same
 * bytes is the same immutable value.
 */
public interface ValueReader {
    /**
     * @param owner of the record in which the value stands
     * @throws RuntimeException where it is no task; the one value is then left out of the view
     */
    Task task(NodeId owner, Bytes value);

    /** @throws RuntimeException where it is no report */
    NodeReport report(Bytes value);

    /** Null where the body is no JSON object: a release that cannot read it keeps it and shows nothing. */
    Document document(DesiredObject object);

    /** The node's own reader. Tasks that it reads share what many of them have in common; one for each node, as it remembers that. */
    static ValueReader ofNode() {
        Shared<String> texts = new Shared<>();
        Shared<Resources> reservations = new Shared<>();
        DocumentCodec documents = new DocumentCodec();
        return new ValueReader() {
            @Override
            public Task task(NodeId owner, Bytes value) {
                return RecordCodec.decodeTask(value, owner, texts::shared, reservations::shared);
            }

            @Override
            public NodeReport report(Bytes value) {
                return RecordCodec.decodeReport(value);
            }

            @Override
            public Document document(DesiredObject object) {
                return documents.parse(object);
            }
        };
    }
}
