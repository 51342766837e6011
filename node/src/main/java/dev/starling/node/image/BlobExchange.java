package dev.starling.node.image;

import dev.starling.gossip.member.Member;
import dev.starling.gossip.transport.RequestHandler;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.runtime.image.ImageSource;
import dev.starling.runtime.image.RegistryReference;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Supplier;

/** How images get from node to node while this one is in a swarm: what it asks others, before it asks a registry, and what it answers as a steward. */
public final class BlobExchange {
    private final DownloadStewards stewards;
    private final Neighbours neighbours;

    /** A node that can be asked: by whom, with what. */
    public interface Asking extends BiFunction<Member, byte[], CompletableFuture<byte[]>> {}

    /**
     * @param snapshots where this node is in a swarm
     * @param blobs     asks a node's {@link BlobDesk}
     * @param stewards  asks a node for its word as a steward
     */
    public BlobExchange(Supplier<ClusterSnapshot> snapshots, Asking blobs, Asking stewards) {
        this(snapshots, blobs, stewards, PeerSource.Patience.DEFAULT);
    }

    BlobExchange(Supplier<ClusterSnapshot> snapshots, Asking blobs, Asking stewards, PeerSource.Patience patience) {
        this.stewards = new DownloadStewards(() -> Site.of(snapshots.get()), stewards, System::nanoTime);
        this.neighbours = new Neighbours(snapshots, blobs, this.stewards, patience);
    }

    /** Answers other nodes as the steward of a blob. */
    public RequestHandler steward() {
        return stewards::answer;
    }

    /** Nodes of the site that have an image, which is pinned to its digest. */
    List<ImageSource> near(String image) {
        return neighbours.near(RegistryReference.parse(image));
    }

    /** Sources to ask for an image before its registry. */
    public Function<RegistryReference, List<ImageSource>> sources() {
        return neighbours;
    }
}
