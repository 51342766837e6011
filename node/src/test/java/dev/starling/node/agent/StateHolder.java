package dev.starling.node.agent;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.Gossip;
import dev.starling.gossip.GossipConfig;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Output;
import dev.starling.gossip.Role;
import dev.starling.gossip.codec.MessageCodec;
import dev.starling.gossip.message.Changes;
import dev.starling.gossip.message.Message;
import dev.starling.gossip.record.RecordDelta;
import dev.starling.gossip.transport.Lane;
import dev.starling.gossip.transport.PeerTransport;
import dev.starling.gossip.transport.TransportConfig;
import dev.starling.gossip.transport.TransportListener;
import dev.starling.gossip.trust.NodeCredentials;
import dev.starling.gossip.trust.PeerIdentity;
import dev.starling.node.core.LargeCluster;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** A peer that has a whole cluster's state and gives it to who asks, over the product's own gossip, codec and transport. It finds nobody dead. */
final class StateHolder implements TransportListener, AutoCloseable {
    private final ExecutorService loop = Executors.newSingleThreadExecutor();
    private final GossipConfig config;
    private final MessageCodec encoder;
    private final MessageCodec decoder;
    private final Gossip gossip;
    private final PeerTransport transport;
    private final Set<String> kept = new HashSet<>();
    private final int objects;
    private long firstMessageNanos;
    private volatile long allKeptNanos;

    StateHolder(NodeCredentials credentials, Endpoint endpoint, LargeCluster state, GossipConfig config) {
        this.config = config;
        encoder = new MessageCodec(config.maxMessageBytes());
        decoder = new MessageCodec(config.maxMessageBytes());
        objects = state.objects().size();
        gossip = new Gossip(config, state.members().get(0), new Random(1), object -> null, credentials.signer());
        gossip.restore(state.objects(), new TreeMap<>(), state.members());
        NodeId teller = state.members().get(1).id();
        List<RecordDelta> others = state.records().subList(1, state.records().size());
        gossip.receive(teller, Role.WORKER, new Message.Push(false, new Changes(List.of(), List.of(), List.of(), others, List.of())), now());
        state.records().get(0).entries().forEach(entry -> gossip.put(entry.key(), entry.value(), now()));
        gossip.drain();
        transport = PeerTransport.open(TransportConfig.of(endpoint, endpoint), credentials, this);
    }

    private static long now() {
        return System.nanoTime() / 1_000_000;
    }

    @Override
    public void received(PeerIdentity from, byte[] payload) {
        Message message = decoder.decode(payload);
        loop.execute(() -> {
            if (firstMessageNanos == 0) {
                firstMessageNanos = System.nanoTime();
            }
            if (message instanceof Message.Stored stored && kept.add(stored.uid()) && kept.size() == objects) {
                allKeptNanos = System.nanoTime();
            }
            gossip.receive(from.id(), from.role(), message, now());
            for (Output output : gossip.drain()) {
                if (output instanceof Output.Send send) {
                    transport.send(send.to(), encoder.encode(send.message()), send.message().isUrgent() ? Lane.URGENT : Lane.ORDINARY);
                }
            }
        });
    }

    /** From the joiner's first message until it had said of each object that it is on its disk; -1 where it has not yet. */
    long millisUntilAllKept() {
        return allKeptNanos == 0 ? -1 : (allKeptNanos - firstMessageNanos) / 1_000_000;
    }

    @Override
    public void connectionLost(NodeId peer) {
        // it may come back
    }

    @Override
    public void close() {
        transport.close();
        loop.shutdownNow();
    }
}
