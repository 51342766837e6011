package dev.starling.chaos.invariant;

import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.member.Member;
import dev.starling.node.core.Document;
import dev.starling.node.spec.NodeSpecReader;
import java.util.Optional;

/** At rest: each running node has the role that its document says, and the others know it by that. */
public final class RolesAreAsAsked implements Invariant {
    @Override
    public Optional<String> violation(Simulation cluster) {
        for (SimNode node : cluster.upNodes()) {
            Document document = node.core().snapshot().document(Kind.NODE, node.id().value());
            Role asked = document == null ? null : NodeSpecReader.fromBody(document).role();
            if (node.role() != asked) {
                return Optional.of(node + " is a " + node.role() + ", and its document asks for a " + asked);
            }
            for (SimNode other : cluster.upNodes()) {
                Member member = other.core().snapshot().members().get(node.id());
                if (member == null || member.role() != asked) {
                    return Optional.of(other + " knows " + node + " as " + (member == null ? "nobody" : "a " + member.role()) + ", which is a " + asked);
                }
            }
        }
        return Optional.empty();
    }
}
