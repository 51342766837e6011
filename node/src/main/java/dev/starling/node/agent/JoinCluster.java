package dev.starling.node.agent;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.trust.ClusterAuthorities;
import dev.starling.gossip.trust.ClusterAuthority;
import dev.starling.gossip.trust.TrustClock;
import dev.starling.gossip.trust.UnlockKey;
import dev.starling.node.core.Document;
import dev.starling.node.join.JoinServer;
import dev.starling.node.swarm.CertificateDesk;
import dev.starling.node.swarm.ClusterDocument;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** What the join listener needs of the cluster, answered by this node's session. */
final class JoinCluster implements JoinServer.Cluster {
    private static final Set<String> AVAILABILITIES = Set.of("active", "pause", "drain");
    private static final int MAX_GOSSIP_ADDRESSES = 64;

    private final SwarmSession session;
    private final CertificateDesk desk;

    JoinCluster(SwarmSession session, CertificateDesk desk) {
        this.session = session;
        this.desk = desk;
    }

    @Override
    public ClusterAuthority tokenAuthority() {
        return session.trust().tokenAuthority();
    }

    @Override
    public ClusterAuthorities authorities() {
        return session.trust().authorities();
    }

    @Override
    public Duration certificateLife() {
        return desk.certificateLife();
    }

    @Override
    public UnlockKey unlockKey() {
        return session.trust().unlockKey();
    }

    @Override
    public TrustClock clock() {
        return session.trust().clock();
    }

    @Override
    public byte[] renew(X509Certificate shown, byte[] request) {
        return desk.issueToOwner(shown, request).encode();
    }

    @Override
    public int tokenRotation(Role role) {
        return ClusterDocument.tokenRotation(session.snapshot(), role);
    }

    @Override
    public String dataKey() {
        return session.identity().dataKey() == null ? null : session.identity().dataKey().pem();
    }

    @Override
    public List<String> gossipAddresses() {
        return session.snapshot().members().values().stream().filter(member -> member.status().isUp()).map(Member::endpoint)
                .map(Object::toString).limit(MAX_GOSSIP_ADDRESSES).toList();
    }

    @Override
    public CompletionStage<?> enrol(NodeId node, Role role, String availability) {
        Document known = session.snapshot().document(Kind.NODE, node.value());
        if (known != null) { // it asks again with the key it had: nothing is written, so there is no write to wait for
            return CompletableFuture.completedFuture(known);
        }
        ObjectNode body = nodeBody(role, AVAILABILITIES.contains(availability) ? availability : "active");
        return Writes.write(session, (core, now) -> core.create(Kind.NODE, node.value(), body, now));
    }

    static ObjectNode nodeBody(Role role, String availability) {
        ObjectNode body = JsonNodeFactory.instance.objectNode();
        ObjectNode spec = body.putObject("Spec");
        spec.putObject("Labels");
        spec.put("Role", role.name().toLowerCase(Locale.ROOT));
        spec.put("Availability", availability);
        return body;
    }
}
