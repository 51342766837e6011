package dev.starling.node.swarm;

import dev.starling.gossip.desired.Desired;
import dev.starling.gossip.desired.DesiredGuard;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.trust.CertificateGuard;
import dev.starling.gossip.trust.ClusterRoots;
import java.util.List;

/**
 * The check of certificates under the roots that the desired state names at that moment: in one message the object that retires a root, or
 * brings a new one, may stand before those that depend on it. On the core's thread only.
 */
public final class RootFollowingGuard implements DesiredGuard {
    private final CertificateGuard certificates;
    private final ClusterRoots initial;
    private Desired desired;
    private List<DesiredObject> followed = List.of();

    /** @param initial counts until the desired state has roots */
    public RootFollowingGuard(ClusterRoots initial) {
        this.initial = initial;
        this.certificates = new CertificateGuard(initial);
    }

    public void consult(Desired state) {
        desired = state;
    }

    @Override
    public String refusal(DesiredObject object) {
        List<DesiredObject> now = List.copyOf(desired.live(Kind.ROOT));
        if (!now.equals(followed)) {
            followed = now;
            ClusterRoots named = RootDocuments.roots(now, initial);
            certificates.trust(now.stream().anyMatch(root -> RootDocuments.uid(initial.newest()).equals(root.uid()))
                    ? named : named.including(initial.newest())); // this node has not heard of its own certificate's root yet
        }
        return certificates.refusal(object);
    }

    /** See {@link CertificateGuard#roleGeneration}. */
    public long roleGeneration(DesiredObject object) {
        return certificates.roleGeneration(object);
    }
}
