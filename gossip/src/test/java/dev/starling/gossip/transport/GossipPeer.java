package dev.starling.gossip.transport;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.Gossip;
import dev.starling.gossip.GossipConfig;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Output;
import dev.starling.gossip.Role;
import dev.starling.gossip.codec.MessageCodec;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.member.MemberStatus;
import dev.starling.gossip.message.Message;
import dev.starling.gossip.trust.ClusterAuthority;
import dev.starling.gossip.trust.NodeCredentials;
import dev.starling.gossip.trust.NodeKey;
import dev.starling.gossip.trust.PeerIdentity;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/** A gossip machine over the real codec and transport. It notes how long its probes took, and whom it ever held for anything but alive. */
final class GossipPeer implements TransportListener, AutoCloseable {
    final NodeCredentials credentials;
    final List<Long> probeMillis = new CopyOnWriteArrayList<>();
    final List<String> doubts = new CopyOnWriteArrayList<>();
    private final ScheduledExecutorService loop = Executors.newSingleThreadScheduledExecutor();
    private final Map<Long, Long> probes = new ConcurrentHashMap<>();
    private final ThreadLocal<MessageCodec> codec;
    private final Gossip gossip;
    private final PeerTransport transport;

    GossipPeer(ClusterAuthority cluster, GossipConfig config, Endpoint listen, Endpoint advertise, Collection<DesiredObject> state) {
        credentials = cluster.enrol(NodeKey.generate(), Role.MANAGER);
        codec = ThreadLocal.withInitial(() -> new MessageCodec(config.maxMessageBytes()));
        Member self = new Member(credentials.nodeId(), advertise, Role.MANAGER, 1, 0, MemberStatus.ALIVE);
        gossip = new Gossip(config, self, new Random(1), object -> null, credentials.signer());
        gossip.restore(state, new TreeMap<>(), List.of());
        transport = PeerTransport.open(TransportConfig.of(listen, advertise), credentials, this);
    }

    void start(List<Endpoint> seeds) {
        loop.execute(() -> gossip.start(seeds, now()));
        loop.scheduleWithFixedDelay(() -> {
            gossip.tick(now());
            carryOut();
        }, 0, 5, TimeUnit.MILLISECONDS);
    }

    <T> T ask(Function<Gossip, T> question) throws InterruptedException {
        try {
            return loop.submit(() -> question.apply(gossip)).get();
        } catch (ExecutionException e) {
            throw new IllegalStateException(e.getCause());
        }
    }

    private static long now() {
        return System.nanoTime() / 1_000_000;
    }

    private void carryOut() {
        for (Output output : gossip.drain()) {
            if (output instanceof Output.Send send) {
                if (send.message() instanceof Message.Ping ping) {
                    probes.putIfAbsent(ping.sequence(), now());
                }
                transport.send(send.to(), codec.get().encode(send.message()), send.message().isUrgent() ? Lane.URGENT : Lane.ORDINARY);
            } else if (output instanceof Output.MemberChanged changed && changed.now() != null && changed.now().status() != MemberStatus.ALIVE) {
                doubts.add(changed.toString());
            }
        }
    }

    @Override
    public void received(PeerIdentity from, byte[] payload) {
        Message message = codec.get().decode(payload);
        loop.execute(() -> {
            if (message instanceof Message.Ack ack) {
                Long begun = probes.remove(ack.sequence());
                if (begun != null) {
                    probeMillis.add(now() - begun);
                }
            }
            gossip.receive(from.id(), from.role(), message, now());
            carryOut();
        });
    }

    @Override
    public void arriving(NodeId peer) {
        loop.execute(() -> gossip.arriving(peer, now()));
    }

    @Override
    public void connectionLost(NodeId peer) {
        doubts.add("lost the connection to " + peer);
    }

    @Override
    public void close() {
        transport.close();
        loop.shutdownNow();
    }
}
