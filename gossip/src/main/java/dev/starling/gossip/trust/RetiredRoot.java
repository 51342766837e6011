package dev.starling.gossip.trust;

import dev.starling.gossip.NodeId;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.List;
import java.util.Objects;

/**
 * A root that opens no connection any more, kept to check what managers signed under it before it was retired. Its key may have been stolen (that
 * is why operators rotate), so it vouches for the managers that are named here and for nobody else, and for nothing that is dated later.
 *
 * @param until   what is dated later is not accepted
 * @param writers the managers that had written under it, sorted
 */
public record RetiredRoot(X509Certificate certificate, Instant until, List<NodeId> writers) {
    public RetiredRoot {
        Objects.requireNonNull(certificate, "certificate");
        Objects.requireNonNull(until, "until");
        writers = writers.stream().sorted().toList();
    }
}
