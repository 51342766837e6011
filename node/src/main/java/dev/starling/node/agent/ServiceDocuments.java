package dev.starling.node.agent;

import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.scheduler.model.Task;

/** Finds the service that a task belongs to. */
final class ServiceDocuments {
    static Document of(ClusterSnapshot snapshot, Task task) {
        for (Document document : snapshot.documents().get(Kind.SERVICE)) {
            if (document.uid().equals(task.slot().serviceUid())) {
                return document;
            }
        }
        return null;
    }

    private ServiceDocuments() {}
}
