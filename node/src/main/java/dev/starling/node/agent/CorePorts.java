package dev.starling.node.agent;

import dev.starling.gossip.NodeId;
import dev.starling.gossip.codec.MessageCodec;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.transport.Lane;
import dev.starling.gossip.transport.PeerTransport;
import dev.starling.node.core.NodeCore;
import dev.starling.node.core.NodeEffect;
import dev.starling.scheduler.model.Time;
import java.util.HashSet;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** From the core to the network, and to those who wait for a write. On the core's thread but where a method says otherwise. */
final class CorePorts implements EffectRunner.Ports {
    private static final Logger LOG = LoggerFactory.getLogger(CorePorts.class);
    private static final int MAX_WARNINGS = 100;

    private final NodeId self;
    private final ThreadLocal<MessageCodec> codec;
    private final PeerTransport transport;
    private final ClusterEdge edge;
    private final PendingWrites writes;
    private final NodeMetrics metrics;
    private final Consumer<BiConsumer<NodeCore, Time>> core;
    private final Set<NodeId> barred = new HashSet<>();
    /** Refusals that the log has. */
    private final Set<String> warned = new HashSet<>();

    /** @param core takes inputs of the core */
    CorePorts(NodeId self, ThreadLocal<MessageCodec> codec, PeerTransport transport, ClusterEdge edge, PendingWrites writes, NodeMetrics metrics,
            Consumer<BiConsumer<NodeCore, Time>> core) {
        this.self = self;
        this.codec = codec;
        this.transport = transport;
        this.edge = edge;
        this.writes = writes;
        this.metrics = metrics;
        this.core = core;
    }

    @Override
    public void send(NodeEffect.Send send) {
        metrics.message("sent", send.message());
        transport.send(send.to(), codec.get().encode(send.message()), send.message().isUrgent() ? Lane.URGENT : Lane.ORDINARY);
    }

    @Override
    public void memberChanged(Member before, Member now) {
        if (now == null) {
            LOG.info("node {} was removed and is forgotten", before.id());
            edge.memberForgotten(before);
            return;
        }
        edge.memberChanged(now);
        if (now.id().equals(self) && before != null && now.boot() > before.boot() && !now.isRenewalOf(before)) {
            LOG.warn("the cluster knew a later boot of this node ({}): its disk was lost or copied", now.boot());
        }
        if (before == null || before.status() != now.status()) {
            LOG.info("node {} at {} is {}", now.id(), now.endpoint(), now.status());
        }
    }

    @Override
    public void removed(NodeId node) {
        if (barred.add(node)) {
            transport.bar(Set.copyOf(barred));
        }
    }

    /** On the storage thread. */
    @Override
    public void promised(long number) {
        core.accept((node, now) -> node.promised(number, now));
    }

    @Override
    public void refused(NodeEffect.Refused refused) {
        metrics.refused(refused.reason());
        if (refused.reason().isForgery()) {
            if (isNews(refused.teller() + " " + refused.reason())) {
                LOG.warn("node {} told what nobody signed: {}. It was taken over, or has a fault", refused.teller(), refused.reason());
            }
        } else if (!refused.detail().isEmpty() && isNews(refused.detail())) {
            LOG.warn("node {} sent what is not taken in here: {}", refused.teller(), refused.detail());
        }
    }

    /** Each once, and not too many: a liar could fill the disk. */
    private boolean isNews(String complaint) {
        return warned.size() < MAX_WARNINGS && warned.add(complaint);
    }

    /** On the storage thread, or a timer's. */
    @Override
    public void stored(DesiredObject object, String trouble) {
        if (trouble == null) {
            core.accept((node, now) -> node.persisted(object.uid(), object.generation(), now));
        } else {
            writes.notStored(object.uid(), object.generation(), trouble);
        }
    }

    @Override
    public void replicated(String uid, long generation, int copies) {
        writes.replicated(uid, generation, copies);
    }
}
