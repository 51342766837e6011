package dev.starling.node.swarm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.Bytes;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.Gossip;
import dev.starling.gossip.GossipConfig;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Output;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.DesiredGuard;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.desired.HybridTime;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.member.MemberStatus;
import dev.starling.gossip.trust.ClusterAuthority;
import dev.starling.gossip.trust.ClusterRoots;
import dev.starling.gossip.trust.DesiredSigner;
import dev.starling.gossip.trust.NodeCredentials;
import dev.starling.gossip.trust.NodeKey;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * A node loses its database after the CA was rotated twice. It trusts the third root, and is given a state most of which was signed under the first
 * two: until it has the objects that tell of those, it refuses the rest, its own enrolment too. It has to come to all of it, whatever the order.
 */
class LostStateAfterRotationTest {
    /** More than are refused in one message before the rest of it is left alone. */
    private static final int SERVICES = 100;
    private static final Instant NOW = Instant.now();

    private final ClusterAuthority first = ClusterAuthority.create("k3x9");
    private final ClusterAuthority second = ClusterAuthority.create("k3x9");
    private final ClusterAuthority third = ClusterAuthority.create("k3x9");
    private final NodeKey managerKey = NodeKey.generate();
    private final NodeCredentials loser = third.enrol(NodeKey.generate(), Role.WORKER);
    private final List<DesiredObject> state = new ArrayList<>();
    private long ticks;
    private long now;

    @Test
    void allOfTheStateComes() {
        List<NodeId> writers = List.of(managerKey.nodeId());
        for (int i = 0; i < SERVICES; i++) { // their uids are before any that a root can have
            add(i % 2 == 0 ? first : second, Kind.SERVICE, String.format("%025d", i), "{\"Spec\":{\"Name\":\"s" + i + "\"}}");
        }
        add(first, Kind.NODE, loser.nodeId().value(), "{\"Spec\":{\"Role\":\"worker\"}}");
        root(second, first.certificate(), 1, second.crossSign(first.certificate()), writers);
        root(third, second.certificate(), 2, first.crossSign(second.certificate()), writers);
        root(second, third.certificate(), 3, second.crossSign(third.certificate()), null);

        Gossip manager = gossip(third.enrol(managerKey, Role.MANAGER), object -> null);
        manager.restore(state, Collections.emptySortedMap(), List.of());
        RootFollowingGuard guard = new RootFollowingGuard(ClusterRoots.only(third.certificate()));
        Gossip lost = gossip(loser, guard);
        guard.consult(lost.desired());
        manager.start(List.of(), 0);
        lost.start(List.of(endpoint(managerKey.nodeId())), 0);
        while (lost.desired().all().size() < state.size() && now < 10_000) {
            step(manager, lost);
        }
        assertNotNull(lost.desired().get(loser.nodeId().value()), "its own enrolment, without which it plans nothing");
        assertEquals(state.size(), lost.desired().all().size());
    }

    /** Both over a wire of 5 ms. */
    private void step(Gossip manager, Gossip lost) {
        List<Output> told = manager.drain();
        List<Output> asked = lost.drain();
        now += 5;
        pass(told, lost, managerKey.nodeId(), Role.MANAGER, loser.nodeId());
        pass(asked, manager, loser.nodeId(), Role.WORKER, managerKey.nodeId());
        manager.tick(now);
        lost.tick(now);
    }

    private void pass(List<Output> outputs, Gossip to, NodeId from, Role role, NodeId receiver) {
        for (Output output : outputs) {
            if (output instanceof Output.Send send && send.to().equals(endpoint(receiver))) {
                to.receive(from, role, send.message(), now);
            }
        }
    }

    private static Gossip gossip(NodeCredentials credentials, DesiredGuard guard) {
        Member self = new Member(credentials.nodeId(), endpoint(credentials.nodeId()), credentials.role(), 1, 0, MemberStatus.ALIVE);
        return new Gossip(GossipConfig.lan(), self, new Random(1), guard, credentials.signer());
    }

    private static Endpoint endpoint(NodeId node) {
        return new Endpoint(node.value() + ".example", 7946);
    }

    /** @param writers null where it is not retired */
    private void root(ClusterAuthority signer, X509Certificate root, long round, X509Certificate cross, List<NodeId> writers) {
        ObjectNode body = RootDocuments.body(root, round, List.of(cross));
        add(signer, Kind.ROOT, RootDocuments.uid(root), (writers == null ? body
                : RootDocuments.retired(body, NOW.toEpochMilli() + 600_000, writers)).toString());
    }

    private void add(ClusterAuthority issuer, Kind kind, String uid, String body) {
        HybridTime time = HybridTime.of(NOW.toEpochMilli(), (int) ++ticks);
        state.add(new DesiredSigner(issuer.enrol(managerKey, Role.MANAGER)).sign(new DesiredObject(kind, uid, time, 1, time, managerKey.nodeId(), false,
                Bytes.utf8(body), Bytes.EMPTY, Bytes.EMPTY)));
    }
}
