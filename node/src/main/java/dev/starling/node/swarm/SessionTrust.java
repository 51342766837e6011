package dev.starling.node.swarm;

import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.trust.ClusterAuthorities;
import dev.starling.gossip.trust.ClusterAuthority;
import dev.starling.gossip.trust.ClusterRoots;
import dev.starling.gossip.trust.NodeCredentials;
import dev.starling.gossip.trust.SealingKey;
import dev.starling.gossip.trust.TrustClock;
import dev.starling.gossip.trust.UnlockKey;
import dev.starling.node.api.ApiException;
import dev.starling.node.core.CertificateReport;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * What a session shows and whom it trusts, as it stands now: certificate, roots, on a manager the CA's keys. Changed on the thread of
 * transitions only, read by any.
 */
public final class SessionTrust implements CertificateDesk.Cluster {
    private final TrustClock clock;
    private final Supplier<ClusterSnapshot> snapshot;
    private final Function<ClusterSnapshot, UnlockKey> unlockKey;
    private volatile NodeCredentials credentials;
    /** Null on a worker. */
    private volatile ClusterAuthorities authorities;
    private volatile SealingKey dataKey;
    /** On the core's thread only. */
    private List<Document> followedRoots;
    private Document followedSettings;

    public SessionTrust(SwarmDirectory.Identity identity, TrustClock clock, Supplier<ClusterSnapshot> snapshot,
            Function<ClusterSnapshot, UnlockKey> unlockKey) {
        this.snapshot = snapshot;
        this.unlockKey = unlockKey;
        this.credentials = identity.credentials();
        this.authorities = identity.authorities();
        this.dataKey = identity.dataKey();
        this.clock = clock;
        clock.plausibleUntil(credentials.identity().validUntil());
    }

    public NodeCredentials credentials() {
        return credentials;
    }

    @Override
    public ClusterRoots roots() {
        return credentials.roots();
    }

    public NodeId self() {
        return credentials.nodeId();
    }

    public Role role() {
        return credentials.role();
    }

    @Override
    public TrustClock clock() {
        return clock;
    }

    /** Null on a worker. */
    @Override
    public ClusterAuthorities authorities() {
        return authorities;
    }

    /** Null on a worker, and on a manager that was never given it. */
    @Override
    public SealingKey dataKey() {
        return dataKey;
    }

    @Override
    public UnlockKey unlockKey() {
        return unlockKey.apply(snapshot());
    }

    @Override
    public ClusterSnapshot snapshot() {
        return snapshot.get();
    }

    /** What new certificates are issued by; null on a worker. */
    public ClusterAuthority authority() {
        return authorities == null ? null : authorities.issuing(roots());
    }

    /** What join tokens are made of: while a rotation is under way still the old root, as in Docker. */
    public ClusterAuthority tokenAuthority() {
        ClusterAuthority oldest = authorities == null ? null : authorities.of(roots().oldest());
        if (oldest == null) {
            throw ApiException.unavailable("this manager has not got the CA's key that join tokens are made of yet; try again, or at another manager");
        }
        return oldest;
    }

    /** Whether this node's certificate is of the newest root. */
    public boolean isUnderNewestRoot() {
        return credentials.ca().equals(roots().newest());
    }

    /** Whether the newest root's key is at hand: then this manager issues certificates. */
    public boolean mayIssue() {
        return authorities != null && authorities.of(roots().newest()) != null;
    }

    public CertificateReport report() {
        return new CertificateReport(ClusterAuthority.digest(credentials.ca()), ClusterAuthority.digest(roots().oldest()));
    }

    /** On the core's thread: whether the roots and settings that the snapshot names may be others than when this was asked last. */
    public boolean hasNews(ClusterSnapshot snapshot) {
        List<Document> roots = snapshot.documents().get(Kind.ROOT);
        Document settings = ClusterDocument.of(snapshot);
        if (roots == followedRoots && settings == followedSettings) { // the same objects as long as nothing in them changes
            return false;
        }
        followedRoots = roots;
        followedSettings = settings;
        return true;
    }

    /** What the cluster's documents say is to be trusted. */
    public ClusterRoots named(ClusterSnapshot snapshot) {
        return RootDocuments.roots(snapshot.documents().get(Kind.ROOT).stream().map(Document::object).toList(), roots());
    }

    /** @throws IllegalArgumentException where {@code identity} is another node's or has another role */
    public void take(SwarmDirectory.Identity identity) {
        NodeCredentials taken = identity.credentials();
        if (!taken.nodeId().equals(self()) || taken.role() != role()) {
            throw new IllegalArgumentException(taken + " is not a renewal of " + credentials);
        }
        boolean doubtful = clock.inDoubt();
        credentials = taken;
        authorities = identity.authorities();
        dataKey = identity.dataKey();
        if (!doubtful) {
            clock.plausibleUntil(taken.identity().validUntil());
        }
    }
}
