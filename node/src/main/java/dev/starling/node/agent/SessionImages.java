package dev.starling.node.agent;

import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.image.BlobDesk;
import dev.starling.node.image.ImagesOfTasks;
import dev.starling.node.image.Neighbours;
import java.util.List;
import java.util.function.Supplier;

/** The parts by which images come to this node's tasks and go to other nodes while this node is in a swarm, put together. */
final class SessionImages implements AutoCloseable {
    private final Host host;
    private final ImagesOfTasks ofTasks;
    private final BlobDesk blobs;

    SessionImages(Host host) {
        this.host = host;
        this.ofTasks = new ImagesOfTasks(host.images());
        this.blobs = new BlobDesk(host.images(), host.config().registries().bytesPerSecond());
    }

    void start(ClusterEdge edge, Supplier<ClusterSnapshot> snapshot) {
        edge.answerBlobs(blobs::answer);
        host.images().askFirst(new Neighbours(snapshot, edge::askForBlob));
    }

    ImagesOfTasks ofTasks() {
        return ofTasks;
    }

    BlobDesk blobs() {
        return blobs;
    }

    @Override
    public void close() {
        ofTasks.close();
        host.images().askFirst(reference -> List.of());
        blobs.close();
    }
}
