package dev.starling.node.agent;

import com.fasterxml.jackson.databind.JsonNode;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.trust.ClusterAuthority;
import dev.starling.gossip.trust.JoinToken;
import dev.starling.gossip.trust.NodeKey;
import dev.starling.gossip.trust.SealingKey;
import dev.starling.gossip.trust.TrustException;
import dev.starling.node.api.ApiException;
import dev.starling.node.api.ClusterControl;
import dev.starling.node.api.TaskLogs;
import dev.starling.node.config.AdvertiseAddress;
import dev.starling.node.config.ConfigException;
import dev.starling.node.config.NodeConfig;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.DockerId;
import dev.starling.node.core.Document;
import dev.starling.node.join.JoinClient;
import dev.starling.node.join.JoinReply;
import dev.starling.node.join.JoinTokens;
import dev.starling.runtime.Container;
import dev.starling.scheduler.model.Task;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * This node's life in swarms: in none, then in one (init, join, or a start with an identity on disk), then in none again (leave). Changes
 * go one at a time on a thread of their own; everything else is answered by the session that is there.
 */
final class SwarmControl implements ClusterControl, TaskLogs, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(SwarmControl.class);
    private static final long LEAVE_MILLIS = 300;
    private static final long REOPEN_SECONDS = 3;
    private static final long CLOSE_SECONDS = 5;
    private static final String ALREADY_IN = "This node is already part of a swarm. Use \"docker swarm leave\" to leave this swarm and join "
            + "another one.";
    private static final String NOT_IN = "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this "
            + "node to swarm and try again.";

    private final Host host;
    private final SwarmDirectory directory;
    private final ExecutorService transitions = Executors.newSingleThreadExecutor(Threads.named("swarm"));
    private volatile SwarmSession session;
    /** The key of a join that has not succeeded yet: a try after a lost reply is the same node again. On the transitions' thread only. */
    private NodeKey joining;

    SwarmControl(Host host, SwarmDirectory directory) {
        this.host = host;
        this.directory = directory;
    }

    /** At the agent's start: back into the swarm that the disk knows, if any. Seeds of the config are tried too. */
    void resume() {
        if (directory.hasIdentity()) {
            SwarmDirectory.Identity identity = directory.load();
            session = SwarmSession.open(host, identity, directory.openStore(), host.config().seeds(), this::install);
        }
    }

    /** A certificate that was renewed. With another role the session is made anew over the same disk; containers go on meanwhile. */
    private CompletionStage<Void> install(SwarmSession from, SwarmDirectory.Identity renewed) {
        return CompletableFuture.runAsync(() -> {
            if (session != from) {
                throw new IllegalStateException("this node leaves the swarm, or is not in it yet");
            }
            directory.renew(renewed);
            if (renewed.credentials().role() == from.role()) {
                from.renew(renewed.credentials());
            } else {
                LOG.info("this node becomes {}", renewed.credentials().role());
                from.close();
                reopen(from);
            }
        }, transitions);
    }

    /** Until it works: the old session answers reads meanwhile and refuses writes. */
    private void reopen(SwarmSession closed) {
        try {
            resume();
        } catch (RuntimeException e) {
            LOG.error("the swarm could not be entered again, tried again in {} s: {}", REOPEN_SECONDS, e.toString(), e);
            host.timer().schedule(() -> transitions.execute(() -> {
                if (session == closed) {
                    reopen(closed);
                }
            }), REOPEN_SECONDS, TimeUnit.SECONDS);
            return;
        }
        // ends that were told to the old session after the new one had adopted its tasks
        host.runtime().list().stream().filter(container -> container.state() == Container.State.EXITED).forEach(session::containerEnded);
    }

    /** Null while this node is in no swarm. */
    SwarmSession session() {
        return session;
    }

    boolean isInSwarm() {
        return session != null;
    }

    void containerEnded(Container container) {
        SwarmSession current = session;
        if (current != null) {
            current.containerEnded(container);
        }
    }

    void healthChanged(Container container) {
        SwarmSession current = session;
        if (current != null) {
            current.healthChanged(container);
        }
    }

    @Override
    public ClusterSnapshot snapshot() {
        SwarmSession current = session;
        return current == null ? null : current.snapshot();
    }

    @Override
    public CompletionStage<Document> create(Kind kind, JsonNode body) {
        return onSession(current -> Writes.write(current, (core, now) -> core.create(kind, null, body, now)));
    }

    @Override
    public CompletionStage<Document> createSecret(JsonNode spec, byte[] value) {
        return onSession(current -> {
            String uid = DockerId.random(new SecureRandom()); // the value is sealed for its object
            JsonNode body = current.secrets().seal().body(uid, spec, value);
            return Writes.write(current, (core, now) -> core.create(Kind.SECRET, uid, body, now));
        });
    }

    @Override
    public boolean secretHolds(Document secret, byte[] value) {
        SwarmSession current = session;
        return current != null && current.secrets().seal().holds(secret, value);
    }

    @Override
    public CompletionStage<Document> update(String uid, long generation, JsonNode body) {
        return onSession(current -> Writes.write(current, (core, now) -> {
            LastManager.refuseDemotion(core.snapshot(), uid, body);
            return core.update(uid, generation, body, now);
        }));
    }

    @Override
    public CompletionStage<Void> delete(String uid) {
        return onSession(current -> Writes.run(current, (core, now) -> core.delete(uid, now), object -> object.uid(),
                object -> object.generation()).thenApply(object -> null));
    }

    private <T> CompletionStage<T> onSession(java.util.function.Function<SwarmSession, CompletionStage<T>> work) {
        SwarmSession current = session;
        return current == null ? CompletableFuture.failedFuture(ApiException.unavailable(NOT_IN)) : work.apply(current);
    }

    @Override
    public CompletionStage<NodeId> init(Init request) {
        return transition(() -> {
            if (session != null) {
                throw ApiException.unavailable(ALREADY_IN);
            }
            Endpoint advertise = advertise(request.advertiseAddress());
            String clusterId = DockerId.random(new SecureRandom());
            ClusterAuthority authority = ClusterAuthority.create(clusterId);
            NodeKey key = NodeKey.generate();
            SwarmDirectory.Identity identity = new SwarmDirectory.Identity(authority.enrol(key, Role.MANAGER), authority,
                    SealingKey.generate(), advertise);
            directory.save(identity);
            SwarmSession opened = openFirst(identity, List.of());
            try {
                await(Writes.write(opened, (core, now) -> core.create(Kind.CLUSTER, clusterId, ClusterDocument.body(request.spec()), now)));
                await(Writes.write(opened, (core, now) -> core.create(Kind.NODE, opened.self().value(),
                        JoinCluster.nodeBody(Role.MANAGER, "active"), now)));
            } catch (RuntimeException e) {
                opened.close();
                directory.wipe();
                throw e;
            }
            session = opened;
            return opened.self();
        });
    }

    @Override
    public CompletionStage<Void> join(Join request) {
        return transition(() -> {
            if (session != null) {
                throw ApiException.unavailable(ALREADY_IN);
            }
            JoinToken token = parse(request.token());
            Endpoint advertise = advertise(request.advertiseAddress()); // before a manager enrols what could not come up
            NodeKey key = joining == null ? NodeKey.generate() : joining;
            joining = key;
            String availability = request.availability() == null || request.availability().isEmpty() ? "active" : request.availability();
            JoinReply reply = askForEntry(request.remoteAddresses(), token, key, availability);
            directory.save(new SwarmDirectory.Identity(
                    dev.starling.gossip.trust.NodeCredentials.of(key, reply.certificate(), reply.caCertificate()),
                    reply.caKey() == null ? null : ClusterAuthority.of(reply.caKey(), reply.caCertificate()),
                    reply.dataKey() == null ? null : SealingKey.ofPem(reply.dataKey()),
                    advertise));
            List<Endpoint> seeds = reply.gossip().stream().map(text -> Endpoint.parse(text, NodeConfig.GOSSIP_PORT)).toList();
            session = openFirst(directory.load(), seeds);
            joining = null;
            return null;
        });
    }

    private SwarmSession openFirst(SwarmDirectory.Identity identity, List<Endpoint> seeds) {
        try {
            return SwarmSession.open(host, identity, directory.openStore(), seeds, this::install);
        } catch (RuntimeException e) {
            directory.wipe();
            throw e;
        }
    }

    private static JoinToken parse(String text) {
        try {
            return JoinToken.parse(text);
        } catch (TrustException e) {
            throw new ApiException(400, "invalid join token: " + e.getMessage(), e);
        }
    }

    private static JoinReply askForEntry(List<String> managers, JoinToken token, NodeKey key, String availability) {
        List<String> failures = new ArrayList<>();
        for (String manager : managers) {
            try {
                return JoinClient.join(Endpoint.parse(manager, NodeConfig.JOIN_PORT), token, key, availability);
            } catch (JoinClient.JoinException e) {
                if (e.refused()) {
                    throw new ApiException(400, "rpc error: code = InvalidArgument desc = " + e.getMessage(), e);
                }
                failures.add(e.getMessage());
            } catch (IllegalArgumentException e) {
                throw new ApiException(400, e.getMessage(), e);
            }
        }
        throw ApiException.unavailable("no manager could be reached: " + (failures.isEmpty() ? "no address given" : String.join("; ", failures)));
    }

    private Endpoint advertise(String asked) {
        NodeConfig config = host.config();
        try {
            if (asked == null || asked.isEmpty()) {
                return AdvertiseAddress.of(config);
            }
            // Docker's flag carries the address; the port in it is the join port there, while gossip has its own
            return new Endpoint(Endpoint.parse(asked, NodeConfig.JOIN_PORT).host(), config.listen().port());
        } catch (ConfigException | IllegalArgumentException e) {
            throw new ApiException(400, e.getMessage(), e);
        }
    }

    @Override
    public CompletionStage<Void> leave(boolean force) {
        return transition(() -> {
            SwarmSession current = session;
            if (current == null) {
                throw ApiException.unavailable("This node is not part of a swarm");
            }
            if (current.role() == Role.MANAGER && !force) {
                throw ApiException.unavailable("You are attempting to leave the swarm on a node that is participating as a manager. "
                        + (managersUp(current) > 1 ? "" : "Removing the last manager erases all current state of the swarm. ")
                        + "Use `--force` to ignore this message. ");
            }
            await(current.loop().ask((core, now) -> {
                core.leave(now);
                return null;
            }));
            pause(LEAVE_MILLIS); // the farewell is on its way: it is pushed once and then the connections close
            session = null;
            current.tasks().removeAll();
            current.close();
            directory.wipe();
            LOG.info("left the swarm");
            return null;
        });
    }

    private static long managersUp(SwarmSession current) {
        return current.snapshot().members().values().stream()
                .filter(member -> member.role() == Role.MANAGER && member.status().isUp()).count();
    }

    @Override
    public CompletionStage<Void> removeNode(NodeId node, boolean force) {
        return onSession(current -> Writes.run(current, (core, now) -> {
            Member member = core.snapshot().members().get(node);
            boolean up = member != null && member.status().isUp();
            if (up && !force || node.equals(core.self())) {
                throw new dev.starling.node.core.WriteRefusedException(dev.starling.node.core.WriteRefusedException.Reason.IN_USE,
                        "node " + node + " is not down and can't be removed");
            }
            return core.delete(node.value(), now);
        }, object -> object.uid(), object -> object.generation()).thenApply(object -> null));
    }

    @Override
    public String joinToken(Role role) {
        SwarmSession current = manager();
        return JoinTokens.derive(current.authority(), role, ClusterDocument.tokenRotation(current.snapshot(), role)).text();
    }

    @Override
    public CompletionStage<Void> rotateJoinToken(Role role) {
        return onSession(current -> Writes.write(current, (core, now) -> {
            Document cluster = ClusterDocument.of(core.snapshot());
            if (cluster == null) {
                throw ApiException.unavailable("this node has not heard of the cluster's settings yet; try again");
            }
            return core.update(cluster.uid(), cluster.object().generation(), ClusterDocument.rotated(cluster, role), now);
        }).thenApply(document -> null));
    }

    @Override
    public String caCertificate() {
        SwarmSession current = session;
        if (current == null) {
            throw ApiException.unavailable(NOT_IN);
        }
        return ClusterAuthority.pem(current.credentials().ca());
    }

    @Override
    public CompletionStage<Chunk> read(Task task, long position, int tail, int maxBytes) {
        return onSession(current -> current.logs().read(task, position, tail, maxBytes));
    }

    private SwarmSession manager() {
        SwarmSession current = session;
        if (current == null || current.authority() == null) {
            throw ApiException.unavailable(NOT_IN);
        }
        return current;
    }

    private <T> CompletionStage<T> transition(Supplier<T> change) {
        return CompletableFuture.supplyAsync(change, transitions).handle((value, failure) -> {
            if (failure != null) {
                throw Writes.refusal(failure);
            }
            return value;
        });
    }

    private static <T> T await(CompletableFuture<T> future) {
        try {
            return future.get(15, TimeUnit.SECONDS);
        } catch (java.util.concurrent.ExecutionException e) {
            throw Writes.refusal(e.getCause());
        } catch (java.util.concurrent.TimeoutException e) {
            throw new ApiException(500, "no answer from this node's core within 15 s", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ApiException(500, "interrupted", e);
        }
    }

    private static void pause(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** The agent ends; the membership stays on disk. */
    @Override
    public void close() {
        transitions.shutdownNow();
        try {
            transitions.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS); // one that opens a session hands it over or closes it
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        SwarmSession current = session;
        if (current != null) {
            current.close();
        }
    }
}
