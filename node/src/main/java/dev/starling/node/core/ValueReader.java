package dev.starling.node.core;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.NodeId;
import dev.starling.scheduler.model.Resources;
import dev.starling.scheduler.model.Task;

/**
 * Reads the tasks in nodes' records. Handed in, since a simulation of many nodes in one heap reads each value once for all of them: what is read of the same
 * bytes is the same immutable task.
 */
@FunctionalInterface
public interface TaskReader {
    /**
     * @param owner of the record in which the value stands
     * @throws RuntimeException where it is no task; the one value is then left out of the view
     */
    Task read(NodeId owner, Bytes value);

    /** The node's own reader. Tasks that it reads share what many of them have in common; one for each node, as it remembers that. */
    static TaskReader ofNode() {
        Shared<String> texts = new Shared<>();
        Shared<Resources> reservations = new Shared<>();
        return (owner, value) -> RecordCodec.decodeTask(value, owner, texts::shared, reservations::shared);
    }
}
