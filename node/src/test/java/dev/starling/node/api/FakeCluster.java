package dev.starling.node.api;

import com.fasterxml.jackson.databind.JsonNode;
import dev.starling.gossip.Bytes;
import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.desired.HybridTime;
import dev.starling.gossip.desired.Kind;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.trust.ClusterAuthority;
import dev.starling.gossip.trust.ClusterRoots;
import dev.starling.gossip.member.MemberStatus;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.node.core.NodeReport;
import dev.starling.node.spec.ContainerSpecBuilder;
import dev.starling.node.spec.NetworkSpecReader;
import dev.starling.node.spec.NodeSpecReader;
import dev.starling.node.spec.ServiceSpecReader;
import dev.starling.scheduler.filter.OpenPorts;
import dev.starling.scheduler.model.NetworkSpec;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.Platform;
import dev.starling.scheduler.model.Resources;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import dev.starling.scheduler.model.View;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * Three nodes in memory: n1 (this one) and n2 are managers, n3 a worker. Each look at the cluster moves each task one step on, so that a
 * client that polls sees its service come up. Strict: what is not expected of a client of the API fails.
 */
final class FakeCluster implements ClusterControl {
    /** Service -> the credentials that came with it last. */
    final Map<String, String> registryAuth = new TreeMap<>();
    static final NodeId N1 = new NodeId("n4r3ygo4ce84wvmdy2c9n3r01");
    static final NodeId N2 = new NodeId("csvh1eroax5zjah0atay7nq82");
    static final NodeId N3 = new NodeId("7clzupalou5hhr7x2s6prvpl3");
    /** The CA of a swarm that lived for a minute. */
    static final String CA = """
            -----BEGIN CERTIFICATE-----
            MIIBaTCCARCgAwIBAgIUB+SAdKpxhVw8i296DdGPMyKDSaYwCgYIKoZIzj0EAwIw
            EzERMA8GA1UEAxMIc3dhcm0tY2EwHhcNMjYxMTIyMTE1NjAwWhcNNDYxMTE3MTE1
            NjAwWjATMREwDwYDVQQDEwhzd2FybS1jYTBZMBMGByqGSM49AgEGCCqGSM49AwEH
            A0IABKNwT42XjcF0GIxQqllczGtfg+irw0TAKKJ1JeKfJGuOvFzV5vTJBU01tCtb
            OMUTmLj5l5tyBxkTcLoOhVamCUWjQjBAMA4GA1UdDwEB/wQEAwIBBjAPBgNVHRMB
            Af8EBTADAQH/MB0GA1UdDgQWBBQoJTksmIoevYrYcrq4Uxtu96i/ETAKBggqhkjO
            PQQDAgNHADBEAiBrulNlhBcxgzoFsR++W65HwbdWDiXGYcm37K430ofSLQIgbdJm
            I10yojqDidddZWo7f9GSS3o/FerSHOMGTcUx8eE=
            -----END CERTIFICATE-----
            """;
    private static final long START_MILLIS = 1_795_350_000_000L;

    private final Map<String, Document> documents = new TreeMap<>();
    private final Map<String, byte[]> secrets = new TreeMap<>();
    private final List<Task> tasks = new ArrayList<>();
    private final Map<Role, String> tokens = new EnumMap<>(Map.of(Role.WORKER, "SWMTKN-1-ca-w0", Role.MANAGER, "SWMTKN-1-ca-m0"));
    private final TreeSet<NodeId> down = new TreeSet<>();
    private Role role = Role.MANAGER;
    private boolean inSwarm = true;
    private int counter;
    private volatile Runnable snapshotListener = () -> {};

    FakeCluster() {
        put(Kind.CLUSTER, id("cluster"), 1, Json.object().set("Spec", Json.object().put("Name", "default")));
        for (NodeId node : List.of(N1, N2, N3)) {
            put(Kind.NODE, node.value(), 1, Json.object().set("Spec", Json.object().put("Role", roleOf(node).name().toLowerCase())));
        }
    }

    synchronized void becomeWorker() {
        role = Role.WORKER;
    }

    synchronized void leaveSwarm() {
        inSwarm = false;
    }

    synchronized void die(NodeId node) {
        down.add(node);
    }

    /** Another node claims a slot that still has a task. */
    synchronized void takeOver(Slot slot, NodeId by) {
        Task old = tasks.stream().filter(task -> task.slot().equals(slot)).findFirst().orElseThrow();
        tasks.add(new Task(id("task"), slot, by, old.serviceGeneration(), old.templateHash(), old.image(), TaskState.NEW, TaskState.RUNNING,
                old.claimed(), 1, 0, 0, old.createdMillis(), old.changedMillis(), "created", "", -1, "", 0, new TreeMap<>()));
    }

    synchronized List<Task> tasks() {
        return List.copyOf(tasks);
    }

    synchronized Document document(Kind kind, String name) {
        return documents.values().stream().filter(d -> d.object().kind() == kind && d.name().equals(name)).findFirst().orElseThrow();
    }

    @Override
    public void onSnapshot(Runnable listener) {
        snapshotListener = listener;
    }

    @Override
    public synchronized ClusterSnapshot snapshot() {
        if (!inSwarm) {
            return null;
        }
        moveTasks();
        return picture();
    }

    private ClusterSnapshot picture() {
        SortedMap<Kind, List<Document>> byKind = new TreeMap<>();
        for (Kind kind : Kind.values()) {
            byKind.put(kind, documents.values().stream().filter(d -> d.object().kind() == kind)
                    .sorted(Comparator.comparing(d -> d.object().created())).toList());
        }
        SortedMap<NodeId, NodeView> nodes = new TreeMap<>();
        SortedMap<NodeId, Member> members = new TreeMap<>();
        SortedMap<NodeId, NodeReport> reports = new TreeMap<>();
        SortedMap<NodeId, List<Task>> byNode = new TreeMap<>();
        Platform platform = new Platform("linux", "x86_64");
        Resources capacity = new Resources(2_000_000_000L, 8L << 30);
        for (NodeId node : List.of(N1, N2, N3)) {
            String host = hostname(node);
            String address = "10.77.0.1" + host.charAt(1);
            NodeSpecReader.NodeSpec spec = NodeSpecReader.fromBody(documents.get(node.value()));
            nodes.put(node, new NodeView(node, host, address, roleOf(node), !down.contains(node), spec.availability(), spec.labels(),
                    new TreeMap<>(), platform, capacity, new TreeSet<>()));
            members.put(node, new Member(node, new Endpoint(address, 2377), roleOf(node), 1, 1,
                    down.contains(node) ? MemberStatus.DEAD : MemberStatus.ALIVE));
            reports.put(node, new NodeReport(host, address, address + ":2377", roleOf(node), platform, capacity, "0.1.0", new TreeMap<>(),
                    new TreeSet<>(), new TreeSet<>()));
            byNode.put(node, tasks.stream().filter(task -> task.node().equals(node)).sorted(Comparator.comparing(Task::id)).toList());
        }
        SortedMap<String, ServiceSpec> services = new TreeMap<>();
        byKind.get(Kind.SERVICE).forEach(d -> services.put(d.uid(), ServiceSpecReader.fromBody(d)));
        SortedMap<String, NetworkSpec> networks = new TreeMap<>();
        byKind.get(Kind.NETWORK).forEach(d -> networks.put(d.uid(), NetworkSpecReader.fromBody(d).orElseThrow()));
        View view = new View(nodes, services, networks, byNode, new TreeMap<>(), new TreeMap<>());
        return new ClusterSnapshot(N1, role, members, reports, view, byKind);
    }

    private void moveTasks() {
        tasks.removeIf(task -> !documents.containsKey(task.slot().serviceUid()));
        for (Document document : List.copyOf(documents.values())) {
            if (document.object().kind() == Kind.SERVICE) {
                moveTasksOf(ServiceSpecReader.fromBody(document));
            }
        }
    }

    private void moveTasksOf(ServiceSpec service) {
        List<Slot> slots = new ArrayList<>();
        if (service.mode() instanceof ServiceSpec.Mode.Replicated replicated) {
            for (int i = 1; i <= replicated.replicas(); i++) {
                slots.add(Slot.replica(service.uid(), i));
            }
        } else if (service.mode() instanceof ServiceSpec.Mode.ReplicatedJob job) {
            for (int i = 1; i <= job.completions(); i++) {
                slots.add(Slot.replica(service.uid(), i));
            }
        } else {
            List.of(N1, N2, N3).forEach(node -> slots.add(Slot.global(service.uid(), node)));
        }
        for (int i = 0; i < tasks.size(); i++) {
            Task task = tasks.get(i);
            if (!task.slot().serviceUid().equals(service.uid()) || !task.isActive()) {
                continue;
            }
            boolean keep = slots.contains(task.slot()) && service.isCurrent(task);
            tasks.set(i, keep ? advanced(task) : with(task, TaskState.SHUTDOWN, TaskState.SHUTDOWN));
        }
        List<Slot> held = tasks.stream().filter(task -> task.isActive() || task.isCompletedWork() && service.isCurrent(task)).map(Task::slot).toList();
        slots.stream().filter(slot -> !held.contains(slot)).forEach(slot -> tasks.add(newTask(service, slot)));
    }

    private Task newTask(ServiceSpec service, Slot slot) {
        NodeId node = slot.isGlobal() ? slot.node() : List.of(N1, N2, N3).get(slot.index() % 3);
        String id = id("task");
        SortedMap<String, String> addresses = new TreeMap<>();
        service.networks().forEach(network -> addresses.put(network, "10.0.1." + (10 + counter % 200) + "/24"));
        SortedMap<String, Integer> picked = new TreeMap<>();
        service.openPorts().forEach(port -> picked.put(port.substring(0, 4) + (OpenPorts.FIRST + picked.size()), Integer.parseInt(port.substring(4))));
        long now = START_MILLIS + counter;
        return new Task(id, slot, node, service.generation(), service.templateHash(), service.image(), TaskState.NEW, TaskState.RUNNING,
                HybridTime.of(now, 0), 500, 0, 0, now, now, "created", "", -1, "", 0, addresses, service.reservations(), service.iteration(), 0, null)
                .withHostPorts(List.copyOf(picked.keySet())).withPickedPorts(picked);
    }

    private static Task advanced(Task task) {
        return switch (task.state()) {
            case NEW -> with(task, TaskState.PREPARING, TaskState.RUNNING);
            case PREPARING -> with(task, TaskState.STARTING, TaskState.RUNNING);
            case STARTING -> with(task, TaskState.RUNNING, TaskState.RUNNING);
            default -> task.iteration() > 0 ? with(task, TaskState.COMPLETE, TaskState.SHUTDOWN) : task;
        };
    }

    private static Task with(Task t, TaskState state, TaskState desired) {
        boolean started = state.compareTo(TaskState.RUNNING) >= 0;
        return new Task(t.id(), t.slot(), t.node(), t.serviceGeneration(), t.templateHash(), t.image(), state, desired, t.claimed(),
                t.price(), t.attempt(), t.notBefore(), t.createdMillis(), t.changedMillis() + 1, state == TaskState.RUNNING ? "started" : "",
                "", state.isTerminal() ? 0 : -1, started ? ContainerSpecBuilder.containerId(t.id()) : "", started ? 4711 : 0, t.addresses(), t.reserved(), t.iteration(), t.fencingToken(), t.movesTo())
                .withHostPorts(t.hostPorts()).withPickedPorts(t.pickedPorts());
    }

    private Document put(Kind kind, String uid, long generation, JsonNode body) {
        Document before = documents.get(uid);
        HybridTime now = HybridTime.of(START_MILLIS, ++counter);
        Document document = new Document(new DesiredObject(kind, uid, before == null ? now : before.object().created(), generation, now, N1,
                false, Bytes.utf8(body.toString()), Bytes.EMPTY, Bytes.EMPTY), body);
        documents.put(uid, document);
        snapshotListener.run();
        return document;
    }

    private String id(String what) {
        String number = Integer.toString(++counter, 36);
        return (what + "0000000000000000000000000").substring(0, 25 - number.length()) + number;
    }

    @Override
    public synchronized CompletionStage<Document> create(Kind kind, JsonNode body) {
        requireSpec(body);
        return CompletableFuture.completedFuture(put(kind, id(kind.name().toLowerCase()), 1, body));
    }

    @Override
    public synchronized CompletionStage<Document> createSecret(JsonNode spec, byte[] value) {
        Document secret = put(Kind.SECRET, id("secret"), 1, Json.object().put("Sealed", "sealed elsewhere").set("Spec", spec));
        secrets.put(secret.uid(), value);
        return CompletableFuture.completedFuture(secret);
    }

    @Override
    public synchronized CompletionStage<Document> createService(JsonNode body, byte[] credentials) {
        return create(Kind.SERVICE, body).thenApply(service -> {
            registryAuth.put(service.uid(), new String(credentials));
            return service;
        });
    }

    @Override
    public synchronized CompletionStage<Document> updateService(String uid, long generation, JsonNode body, byte[] credentials) {
        registryAuth.put(uid, new String(credentials));
        return update(uid, generation, body);
    }

    @Override
    public synchronized boolean secretHolds(Document secret, byte[] value) {
        return Arrays.equals(secrets.get(secret.uid()), value);
    }

    @Override
    public synchronized CompletionStage<Document> update(String uid, long generation, JsonNode body) {
        requireSpec(body);
        Document before = documents.get(uid);
        if (before.object().generation() != generation) {
            return CompletableFuture.failedFuture(new ApiException(500, "rpc error: code = Unknown desc = update out of sequence"));
        }
        return CompletableFuture.completedFuture(put(before.object().kind(), uid, generation + 1, body));
    }

    private static void requireSpec(JsonNode body) {
        if (!body.path("Spec").isObject()) {
            throw new AssertionError("a body without Spec: " + body);
        }
    }

    @Override
    public synchronized CompletionStage<Void> delete(String uid) {
        if (documents.remove(uid) == null) {
            throw new AssertionError("deleted what is not there: " + uid);
        }
        return CompletableFuture.completedFuture(null);
    }

    @Override
    public synchronized CompletionStage<NodeId> init(Init request) {
        if (inSwarm) {
            return CompletableFuture.failedFuture(ApiException.unavailable("This node is already part of a swarm. Use \"docker swarm leave\""
                    + " to leave this swarm and join another one."));
        }
        inSwarm = true;
        return CompletableFuture.completedFuture(N1);
    }

    @Override
    public synchronized CompletionStage<Void> join(Join request) {
        if (!request.token().equals(tokens.get(Role.WORKER))) {
            return CompletableFuture.failedFuture(ApiException.badRequest("invalid join token"));
        }
        inSwarm = true;
        role = Role.WORKER;
        return CompletableFuture.completedFuture(null);
    }

    @Override
    public synchronized CompletionStage<Void> leave(boolean force) {
        if (role == Role.MANAGER && !force) {
            return CompletableFuture.failedFuture(ApiException.unavailable("You are attempting to leave the swarm on a node that is"
                    + " participating as a manager. Use `--force` to ignore this message."));
        }
        inSwarm = false;
        return CompletableFuture.completedFuture(null);
    }

    @Override
    public synchronized CompletionStage<Void> removeNode(NodeId node, boolean force) {
        throw new AssertionError("not expected in these tests: node rm " + node);
    }

    @Override
    public synchronized String joinToken(Role wanted) {
        if (role != Role.MANAGER) {
            throw new AssertionError("a worker has no join tokens");
        }
        return tokens.get(wanted);
    }

    @Override
    public synchronized CompletionStage<Void> rotateJoinToken(Role wanted) {
        tokens.put(wanted, tokens.get(wanted).substring(0, 14) + ++counter);
        return CompletableFuture.completedFuture(null);
    }

    @Override
    public ClusterRoots roots() {
        return new ClusterRoots("k3x9", List.of(ClusterAuthority.certificate(CA)), List.of(), List.of());
    }

    @Override
    public synchronized CompletionStage<Void> updateSwarm(long version, com.fasterxml.jackson.databind.JsonNode spec, boolean rotateUnlockKey) {
        throw new AssertionError("not expected in these tests: swarm update " + spec);
    }

    @Override
    public boolean isLocked() {
        return false;
    }

    @Override
    public CompletionStage<Void> unlock(String key) {
        return CompletableFuture.failedFuture(ApiException.conflict("swarm is not locked"));
    }

    @Override
    public String unlockKey() {
        return "";
    }

    private static Role roleOf(NodeId node) {
        return node.equals(N3) ? Role.WORKER : Role.MANAGER;
    }

    static String hostname(NodeId node) {
        return node.equals(N1) ? "n1" : node.equals(N2) ? "n2" : "n3";
    }
}
