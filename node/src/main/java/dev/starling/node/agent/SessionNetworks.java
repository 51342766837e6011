package dev.starling.node.agent;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import dev.starling.netlink.xfrm.EspSupport;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.KeyAcknowledgement;
import dev.starling.node.core.NodeCore;
import dev.starling.node.core.TunnelReach;
import dev.starling.node.dns.DnsConfig;
import dev.starling.node.dns.DnsServer;
import dev.starling.node.network.NetworkEncryption;
import dev.starling.node.network.OverlayRunner;
import dev.starling.node.network.ServiceAddresses;
import dev.starling.node.network.UdpPaths;
import dev.starling.node.network.Underlay;
import dev.starling.scheduler.model.Time;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/** The parts that deal with networks, names and services' addresses while this node is in a swarm, put together. */
final class SessionNetworks implements AutoCloseable {
    private final DnsServer dns;
    private final ServiceAddresses services;
    private final UdpPaths paths;
    private final NetworkEncryption encryption;
    private final OverlayRunner overlays;
    private final EspSupport esp;

    /**
     * @param advertise where the other nodes reach this one
     * @param core    takes inputs of the core
     */
    SessionNetworks(Host host, Endpoint advertise, Consumer<BiConsumer<NodeCore, Time>> core) {
        Underlay underlay = Underlay.of(host.config().overlay(), advertise);
        this.dns = new DnsServer(DnsConfig.standard());
        this.services = new ServiceAddresses(host.balancer(), host.overlay(), host.missingForServices());
        this.paths = new UdpPaths(() -> host.encryption().encapsulationPort(underlay.address(), underlay.udpPort()), new SecureRandom(), this::pathsChanged);
        this.esp = host.encryption().support(underlay.address());
        this.encryption = new NetworkEncryption(host.encryption(), esp, new EncryptionRecord(core), underlay, paths, host.config().networkKeyRenewal());
        this.overlays = new OverlayRunner(host.overlay(), dns, services, encryption, underlay);
    }

    private void pathsChanged() {
        overlays.reconsider();
    }

    void start() {
        encryption.start(System.nanoTime());
        overlays.start();
    }

    void update(ClusterSnapshot snapshot) {
        overlays.update(snapshot);
    }

    OverlayRunner overlays() {
        return overlays;
    }

    ServiceAddresses services() {
        return services;
    }

    /** For {@code docker info} on this node. */
    List<String> warnings() {
        List<String> warnings = new ArrayList<>(services.warnings());
        if (!esp.available()) {
            esp.missing().forEach(feature -> warnings.add("WARNING: the kernel lacks " + feature + ": tasks on encrypted networks are not placed here"));
        }
        overlays.unreachable().forEach((peer, why) -> warnings.add("WARNING: overlay networks do not reach node " + peer + ": " + why));
        encryption.unreachable().forEach((peer, why) -> warnings.add("WARNING: encrypted networks do not reach node " + peer + ": " + why));
        return warnings;
    }

    /** This node leaves for good: rules that lead to tasks elsewhere go. */
    void withdraw() {
        overlays.close();
        encryption.clear();
        services.remove();
    }

    /** What the kernel was told stays: containers go on. */
    @Override
    public void close() {
        overlays.close();
        paths.close();
        services.close();
        dns.close();
    }

    /** Into this node's record. */
    private record EncryptionRecord(Consumer<BiConsumer<NodeCore, Time>> core) implements NetworkEncryption.Announcements {
        @Override
        public void keys(List<Bytes> keys, List<String> ciphers, Optional<TunnelReach> reach) {
            core.accept((node, now) -> node.encrypt(keys, ciphers, reach, now));
        }

        @Override
        public void acknowledge(SortedMap<NodeId, KeyAcknowledgement> acknowledgements) {
            core.accept((node, now) -> node.acknowledge(acknowledgements, now));
        }
    }
}
