package dev.starling.node.agent;

import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.image.BlobDesk;
import dev.starling.node.image.BlobExchange;
import dev.starling.node.image.ImageHousekeeping;
import dev.starling.node.image.ImagesOfTasks;
import dev.starling.node.image.Prefetch;
import java.util.List;
import java.util.function.Supplier;

/** The parts by which images come to this node's tasks and go to other nodes while this node is in a swarm, put together. */
final class SessionImages implements AutoCloseable {
    private final Host host;
    private final ImagesOfTasks ofTasks;
    private final BlobDesk blobs;
    /** Null where the configuration wants none. */
    private Prefetch prefetch;

    SessionImages(Host host) {
        this.host = host;
        this.ofTasks = new ImagesOfTasks(host.images());
        this.blobs = new BlobDesk(host.images(), host.config().registries().bytesPerSecond());
    }

    void start(ClusterEdge edge, Supplier<ClusterSnapshot> snapshot) {
        edge.answerBlobs(blobs::answer);
        BlobExchange exchange = new BlobExchange(snapshot, edge::askForBlob, edge::askSteward);
        edge.answerAsSteward(exchange.steward());
        host.images().askFirst(exchange.sources());
        if (host.config().registries().prefetch()) {
            prefetch = new Prefetch(host.images(), exchange, snapshot, this::hasRoom);
            prefetch.start(host.timer());
        }
    }

    private boolean hasRoom() {
        return ImageHousekeeping.space(host.config().dataDir()).usedPercent() < host.config().images().lowPercent();
    }

    ImagesOfTasks ofTasks() {
        return ofTasks;
    }

    BlobDesk blobs() {
        return blobs;
    }

    @Override
    public void close() {
        if (prefetch != null) {
            prefetch.close();
        }
        ofTasks.close();
        host.images().askFirst(reference -> List.of());
        blobs.close();
    }
}
