package dev.starling.node.agent;

import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.trust.ClusterAuthorities;
import dev.starling.gossip.trust.ClusterAuthority;
import dev.starling.gossip.trust.ClusterRoots;
import dev.starling.gossip.trust.NodeCredentials;
import dev.starling.node.api.ApiException;
import dev.starling.node.core.CertificateReport;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.node.core.NodeCore;
import dev.starling.node.spec.NodeSpecReader;
import dev.starling.node.swarm.RootDocuments;
import dev.starling.node.swarm.SwarmDirectory;
import dev.starling.scheduler.model.Time;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@code docker swarm ca --rotate}, with nobody in charge:
 * <pre>
 *   one root       -- begin, at any manager: a new one, cross-signed by all that are trusted -->          old and new are trusted
 *   old and new    -- each node gets a certificate under the new one and says so in its record -->      still both
 *   all have moved -- any manager that sees it says in the old root's object that it is retired -->     one root
 * </pre>
 *
 * "All" are the nodes that are enrolled, up or not, as in Docker: a node that is away for weeks comes back under the old root, and two partitions
 * that both rotate have it in common. {@code docker node rm} of a node that never comes back ends the wait.
 */
final class RootRotation {
    private static final Logger LOG = LoggerFactory.getLogger(RootRotation.class);
    /** What managers wrote before they moved may arrive after the old root was retired, and carry a clock that is ahead. */
    static final Duration GRACE = Duration.ofMinutes(10);

    /** New credentials and keys of a manager that begins a rotation: to be on disk before the cluster hears of the new root. */
    static SwarmDirectory.Identity prepare(SwarmDirectory.Identity current, ClusterAuthority next) {
        NodeCredentials credentials = current.credentials();
        ClusterRoots roots = credentials.roots();
        if (roots.trusted().size() >= ClusterRoots.MAX_TRUSTED) {
            throw ApiException.unavailable(roots.trusted().size() + " CA certificates are trusted at once, since nodes have not moved from the older ones: see"
                    + " docker node ls, and remove those that do not come back");
        }
        ClusterAuthorities held = current.authorities();
        if (held.of(roots.newest()) == null) {
            throw ApiException.unavailable("this manager has not got the key of the newest CA yet; try again, or at another manager");
        }
        if (roots.trusted().contains(next.certificate())) {
            throw ApiException.badRequest("this CA certificate is in use already");
        }
        List<X509Certificate> trusted = new ArrayList<>(roots.trusted());
        trusted.add(next.certificate());
        List<X509Certificate> crosses = new ArrayList<>(roots.crossSigned());
        crosses.addAll(crossSigned(held, roots, next));
        return new SwarmDirectory.Identity(credentials.trusting(new ClusterRoots(roots.clusterId(), trusted, crosses, roots.retired())),
                held.with(next), current.dataKey(), current.advertise());
    }

    private static List<X509Certificate> crossSigned(ClusterAuthorities held, ClusterRoots roots, ClusterAuthority next) {
        return roots.trusted().stream().map(held::of).filter(authority -> authority != null && authority != next)
                .map(authority -> authority.crossSign(next.certificate())).toList();
    }

    /** Tells the cluster. Completes when that is kept as any write is. */
    static CompletableFuture<Document> begin(SwarmSession session, ClusterRoots prepared) {
        X509Certificate next = prepared.newest();
        List<X509Certificate> crosses = prepared.crossSigned().stream().filter(cross -> cross.getPublicKey().equals(next.getPublicKey())).toList();
        return Writes.write(session, (core, now) -> {
            for (X509Certificate root : prepared.trusted()) { // of a cluster that was made before there were such objects
                if (!root.equals(next) && core.desired().get(RootDocuments.uid(root)) == null) {
                    core.create(Kind.ROOT, RootDocuments.uid(root), RootDocuments.body(root, round(core), List.of()), now);
                }
            }
            return core.create(Kind.ROOT, RootDocuments.uid(next), RootDocuments.body(next, round(core), crosses), now);
        });
    }

    private static long round(NodeCore core) {
        return RootDocuments.nextRound(core.desired().live(Kind.ROOT));
    }

    /** Whether this manager is the one to end the rotation now: all have moved, and of the managers that are up it has the lowest id. */
    static boolean isDone(ClusterSnapshot snapshot, ClusterRoots roots) {
        return roots.trusted().size() > 1 && allMoved(snapshot, roots) && snapshot.members().values().stream()
                .filter(member -> member.status().isUp() && member.role() == Role.MANAGER)
                .allMatch(member -> member.id().compareTo(snapshot.self()) >= 0);
    }

    static boolean allMoved(ClusterSnapshot snapshot, ClusterRoots roots) {
        String newest = ClusterAuthority.digest(roots.newest());
        for (Document node : snapshot.documents().get(Kind.NODE)) {
            CertificateReport report = snapshot.certificates().get(new NodeId(node.uid()));
            if (report == null || !report.issuer().equals(newest)) {
                return false;
            }
        }
        return true;
    }

    /** On the core's thread of a manager: the older roots are retired. Two managers that do it at once say the same. */
    static void finish(NodeCore core, ClusterRoots roots, Time now) {
        if (!allMoved(core.snapshot(), roots)) {
            return; // it was so a moment ago
        }
        long latest = now.wallMillis();
        TreeSet<NodeId> writers = new TreeSet<>();
        for (DesiredObject object : core.desired().all()) {
            writers.add(object.writer());
            latest = Math.max(latest, object.time().wallMillis());
        }
        for (Document node : core.documents(Kind.NODE)) { // a manager's first write may be under way
            if (NodeSpecReader.fromBody(node).role() == Role.MANAGER) {
                writers.add(new NodeId(node.uid()));
            }
        }
        String newest = RootDocuments.uid(roots.newest());
        for (Document root : List.copyOf(core.documents(Kind.ROOT))) {
            if (!root.uid().equals(newest) && !root.body().hasNonNull("Retired")) {
                core.update(root.uid(), root.object().generation(), RootDocuments.retired(root.body(), latest + GRACE.toMillis(), writers), now);
                LOG.info("all nodes have certificates under the new CA: root {} is retired", root.uid());
            }
        }
    }

    private RootRotation() {}
}
