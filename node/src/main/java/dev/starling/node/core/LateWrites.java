package dev.starling.node.core;

import dev.starling.gossip.Gossip;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.DesiredObject;
import java.util.List;

/**
 * What a manager wrote when it had been demoted or removed elsewhere and nobody on its side of a partition knew. Whoever knew refuses it, so the nodes would differ in it until somebody
 * writes it again, and an operator's write that it amends would be lost with it. A manager that took it in when that was right therefore writes it again in its own name as soon as
 * it hears: the same, a tick later, so that it prevails over no more than before.
 *
 * <p>Not what says who is in the cluster and whom it trusts: for that no manager vouches without being asked.
 */
final class LateWrites {
    private final Gossip gossip;
    private final ViewBuilder state;
    private final DesiredWriter writer;

    LateWrites(Gossip gossip, ViewBuilder state, DesiredWriter writer) {
        this.gossip = gossip;
        this.state = state;
        this.writer = writer;
    }

    /** All of it that is here, written again; to be asked where a node's document is new. This node may be refused too, where it is a manager no more. */
    List<DesiredObject> writtenAgain() {
        return gossip.desired().all().stream().filter(this::isLate).map(writer::again).toList();
    }

    /** The order is of cost: a refusal takes the check of a signature. */
    private boolean isLate(DesiredObject object) {
        return mayBeVouchedFor(object) && isAfterTheEnd(object) && gossip.refuses(object);
    }

    private static boolean mayBeVouchedFor(DesiredObject object) {
        return switch (object.kind()) {
            case SERVICE, NETWORK, SECRET, CONFIG -> true;
            case NODE, CLUSTER, ROOT, UNFAMILIAR -> false;
        };
    }

    private boolean isAfterTheEnd(DesiredObject object) {
        DesiredObject enrolled = gossip.desired().get(object.writer().value());
        return enrolled != null && object.time().compareTo(enrolled.time()) > 0 && (enrolled.deleted() || isWorker(enrolled));
    }

    private boolean isWorker(DesiredObject enrolled) {
        Document document = state.document(enrolled.uid());
        return document != null && document.spec().path("Role").asText("").equalsIgnoreCase(Role.WORKER.name());
    }
}
