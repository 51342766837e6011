package dev.starling.node.agent;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.Gossip;
import dev.starling.gossip.GossipConfig;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.member.MemberStatus;
import dev.starling.gossip.store.NodeStore;
import dev.starling.gossip.trust.DesiredSigner;
import dev.starling.node.core.NodeCore;
import dev.starling.node.spec.DockerSpecReader;
import dev.starling.node.swarm.EnrolledWriters;
import dev.starling.node.swarm.RootFollowingGuard;
import dev.starling.node.swarm.SessionTrust;
import dev.starling.scheduler.Scheduler;
import dev.starling.scheduler.SchedulerConfig;
import java.security.SecureRandom;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.random.RandomGenerator;

/** The core and what the disk has of it, both ways: a core made of what is there at a start, and all of a core for a disk that has lost it. */
final class CoreOnDisk {
    private static final long CORE_SECONDS = 5;

    static NodeCore restored(NodeStore store, SessionTrust trust, Endpoint advertise, GossipConfig config, RootFollowingGuard certificates,
            EnrolledWriters writers, long wallMillis) {
        RandomGenerator random = new SecureRandom();
        Member own = new Member(trust.self(), advertise, trust.role(), store.nextBoot(wallMillis, random), 0, MemberStatus.ALIVE);
        Gossip gossip = new Gossip(config, own, random, writers, trust.credentials().signer());
        certificates.consult(gossip.desired());
        writers.consult(gossip.desired());
        Scheduler scheduler = new Scheduler(trust.self(), SchedulerConfig.defaults(), random);
        NodeCore core = new NodeCore(trust.self(), trust.role(), NodeCore.Config.defaults(), gossip, scheduler, new DockerSpecReader(),
                object -> new DesiredSigner(trust.credentials()).sign(object), random);
        core.restore(store.loadDesired(), new TreeMap<>(store.loadRecord()), store.loadMembers());
        return core;
    }

    /** Waits for the core's thread. */
    static Storage.Batch everything(CoreLoop loop) {
        try {
            return loop.ask((core, now) -> {
                Map<String, Optional<Bytes>> record = new TreeMap<>();
                core.ownRecord().forEach((key, value) -> record.put(key, Optional.of(value)));
                return new Storage.Batch(core.desired().all(), record, List.copyOf(core.snapshot().members().values()),
                        Storage.Urgency.NOW, null);
            }).get(CORE_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while the core was asked for its state", e);
        } catch (ExecutionException | TimeoutException e) {
            throw new IllegalStateException("the core did not tell its state: " + e, e);
        }
    }

    private CoreOnDisk() {}
}
