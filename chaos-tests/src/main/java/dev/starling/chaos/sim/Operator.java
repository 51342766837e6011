package dev.starling.chaos.sim;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.Document;
import dev.starling.node.core.WriteRefusedException;
import dev.starling.node.spec.IngressNetwork;
import dev.starling.node.spec.NodeSpecReader;
import dev.starling.node.spec.ServiceSpecReader;
import dev.starling.node.spec.SiteLabels;
import dev.starling.node.spec.SpecException;
import dev.starling.node.spec.UpdateStatus;
import dev.starling.node.swarm.EnrolledWriters;
import dev.starling.node.swarm.LastManager;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.rollout.UpdateProgress;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.random.RandomGenerator;

/**
 * Somebody who makes, changes, scales, rolls back and removes services, drains, pauses, labels, promotes and demotes nodes, and in some runs lets nodes join
 * and removes some, at whatever manager answers. All of it from the simulation's seed.
 *
 * <p>The operator keeps to what docs/OPERATIONS.md asks of who demotes: one manager always stays one, for two sides of a partition may demote each other's last;
 * nothing is written at a manager that was demoted a while ago and has not heard of it, for others refuse that; and documents of nodes are changed at managers that
 * were never workers, for who has missed that one is a manager now would refuse also what says so.
 */
public final class Operator {
    private static final int MOST_REPLICAS = 8;
    private static final int MOST_JOINS = 3;
    private static final int FEWEST_FOR_TWO_REMOVALS = 5;
    private static final int FEWEST_NODES = 3;
    /** Below {@link EnrolledWriters#GRACE}: what is written at a demoted manager for so long is still taken in everywhere. */
    private static final long DEMOTED_MILLIS = 20_000;
    private static final String[] AVAILABILITIES = {"active", "active", "pause", "drain"};

    private final Simulation cluster;
    private final RandomGenerator random;
    private final RandomServices documents;
    private final List<Document> services = new ArrayList<>();
    private final SortedSet<String> deleted = new TreeSet<>();
    /** When a node was last asked to become a worker, of those that have not been promoted since. */
    private final SortedMap<NodeId, Long> demoted = new TreeMap<>();
    private final SortedSet<NodeId> everWorkers = new TreeSet<>();
    private final SimNode manager;
    private final Turnover turnover;
    private final int mostRemovals;
    private int joins;
    private int removals;
    private final List<String> log = new ArrayList<>();

    /**
     * Makes the networks that services will use, so let the cluster run calmly for a moment: were it lost with the one disk that has it, the
     * services on it could rightly never run.
     *
     * @param scarce    the services want more than the nodes have
     * @param openPorts see {@link RandomServices}
     * @param turnover  where nodes are removed, so few that of five stewards of a slot (or of all, where the cluster is smaller) most stay
     */
    Operator(Simulation cluster, boolean scarce, boolean openPorts, Turnover turnover) {
        this.cluster = cluster;
        this.turnover = turnover;
        this.mostRemovals = cluster.nodes().size() < FEWEST_FOR_TWO_REMOVALS ? 1 : 2;
        this.random = cluster.random();
        this.manager = cluster.nodes().get(0);
        String network = manager
                .operate((core, now) -> core.create(Kind.NETWORK, null, Services.network("net", "10.0.0.0/20", 4097), now)).uid();
        IngressNetwork.firstNeededBy(Services.replicated("", 0).hostPort(1).body(), manager.core().snapshot())
                .ifPresent(body -> manager.operate((core, now) -> core.create(Kind.NETWORK, IngressNetwork.UID, body, now)));
        this.documents = new RandomServices(random, scarce, Math.max(MOST_REPLICAS, cluster.nodes().size()), network, openPorts);
        for (SimNode node : cluster.nodes()) {
            label(manager, node);
        }
    }

    /** One command, or none. A refusal is an answer too. */
    public void act() {
        List<SimNode> up = cluster.upNodes().stream().filter(node -> node.answers() && node.role() == Role.MANAGER
                && demoted.getOrDefault(node.id(), Long.MAX_VALUE) > cluster.now() - DEMOTED_MILLIS).toList();
        if (up.isEmpty()) {
            return;
        }
        SimNode node = up.get(random.nextInt(up.size()));
        try {
            switch (random.nextInt(turnover.changesMembers() ? 19 : turnover.changesRoles() ? 16 : 14)) {
                case 0, 1, 2 -> create(node);
                case 3, 4, 5 -> put(node, "update", before -> documents.body(before.name(), before));
                case 6, 7 -> put(node, "scale", documents::scaled);
                case 8 -> put(node, "roll back", RandomServices::rolledBack);
                case 9 -> remove(node);
                case 10, 11 -> availability(node, anyNode(), AVAILABILITIES[random.nextInt(AVAILABILITIES.length)]);
                case 12 -> label(node, anyNode());
                case 14, 15 -> changeRole(node, anyNode());
                case 16, 17 -> join(node);
                case 18 -> removeNode(node, anyNode());
                default -> { }
            }
        } catch (WriteRefusedException | SpecException refused) {
            told(node, "refused: " + refused.getMessage()); // unknown there, or changed meanwhile; nothing was changed
        }
    }

    private SimNode anyNode() {
        return cluster.nodes().get(random.nextInt(cluster.nodes().size()));
    }

    private void create(SimNode node) {
        String name = documents.newName();
        ObjectNode body = documents.body(name, null);
        if (RandomServices.isExclusive(name)) {
            SiteLabels.created(body, node.core().view().nodes().keySet());
        }
        services.add(node.operate((core, now) -> core.create(Kind.SERVICE, null, body, now)));
        told(node, "create " + name + " " + body.path("Spec"));
    }

    private interface Change {
        /** Null: nothing. */
        ObjectNode of(Document before);
    }

    private void put(SimNode node, String what, Change change) {
        if (!services.isEmpty()) {
            put(node, what, change, services.get(random.nextInt(services.size())).uid());
        }
    }

    private void put(SimNode node, String what, Change change, String uid) {
        Document here = find(node, Kind.SERVICE, uid);
        ObjectNode body = here == null ? null : change.of(here);
        if (body != null) {
            if (!body.has(ServiceSpecReader.ROLLED_BACK)) {
                UpdateStatus.updated(body, here);
            }
            told(node, what + " " + here.name() + " " + body.path("Spec"));
            node.operate((core, now) -> core.update(uid, here.object().generation(), body, now));
        }
    }

    private void remove(SimNode node) {
        if (!services.isEmpty()) {
            Document service = services.get(random.nextInt(services.size()));
            told(node, "remove " + service.name());
            node.operate((core, now) -> core.delete(service.uid(), now));
            deleted.add(service.uid());
            services.remove(service);
        }
    }

    private void join(SimNode at) {
        if (joins < MOST_JOINS) {
            joins++;
            SimNode joined = cluster.join(random.nextBoolean() ? Role.MANAGER : Role.WORKER, at);
            if (joined.role() == Role.WORKER) {
                everWorkers.add(joined.id());
            }
            told(at, "join " + joined + " as " + joined.role());
        }
    }

    private void removeNode(SimNode at, SimNode which) {
        if (removals < mostRemovals && which != at && which != manager && cluster.nodes().size() > FEWEST_NODES) {
            removals++;
            told(at, "remove node " + which);
            deleted.add(which.id().value());
            cluster.remove(which, at);
        }
    }

    /** A join or a removal that was written at a node which then lost it: the operator sees that and does it again. */
    private void settleMembership() {
        for (SimNode node : cluster.nodesEver()) {
            boolean wanted = cluster.nodes().contains(node);
            if (wanted != (find(manager, Kind.NODE, node.id().value()) != null)) {
                told(manager, (wanted ? "enrol " : "remove node ") + node);
                if (wanted) {
                    cluster.enrol(node, manager);
                } else {
                    manager.operate((core, now) -> core.delete(node.id().value(), now));
                }
            }
        }
    }

    /** {@code docker node promote}, {@code docker node demote}. */
    private void changeRole(SimNode node, SimNode which) {
        Document here = find(node, Kind.NODE, which.id().value());
        if (here != null && which != manager && !everWorkers.contains(node.id())) {
            boolean promotes = NodeSpecReader.fromBody(here).role() == Role.WORKER;
            changeNode(node, which, promotes ? "promote" : "demote", body -> {
                body.withObject("/Spec").put("Role", promotes ? "manager" : "worker");
                LastManager.refuseDemotion(node.core().snapshot(), here.uid(), body);
            });
            if (promotes) {
                demoted.remove(which.id());
            } else {
                demoted.putIfAbsent(which.id(), cluster.now());
                everWorkers.add(which.id());
            }
        }
    }

    private void label(SimNode node, SimNode which) {
        String zone = RandomServices.ZONES[random.nextInt(RandomServices.ZONES.length)];
        changeNode(node, which, "zone " + zone, body -> body.withObject("/Spec/Labels").put("zone", zone));
    }

    /** @param availability active, pause or drain */
    public void availability(SimNode which, String availability) {
        availability(manager, which, availability);
    }

    private void availability(SimNode node, SimNode which, String availability) {
        changeNode(node, which, availability, body -> body.withObject("/Spec").put("Availability", availability));
    }

    private void changeNode(SimNode node, SimNode which, String what, java.util.function.Consumer<ObjectNode> change) {
        Document here = find(node, Kind.NODE, which.id().value());
        if (here != null && !everWorkers.contains(node.id())) {
            told(node, what + " " + which);
            ObjectNode body = here.body().deepCopy();
            change.accept(body);
            node.operate((core, now) -> core.update(here.uid(), here.object().generation(), body, now));
        }
    }

    /** Ends all drains and pauses. */
    public void activateAll() {
        cluster.nodes().forEach(which -> availability(manager, which, "active"));
    }

    /** Sees to it that the nodes that are there are enrolled and no others. Gives each service whose image does not run one that does, and lets updates go on that had stopped over their failures. */
    public void mendAll() {
        settleMembership();
        for (Document document : List.copyOf(manager.core().documents(Kind.SERVICE))) {
            ServiceSpec service = ServiceSpecReader.fromBody(document);
            boolean broken = service.image().equals(SimContainers.CRASH) || service.image().equals(SimContainers.MISSING);
            UpdateProgress.State update = UpdateProgress.of(manager.core().view(), service).state();
            boolean halted = service.stage().isPaused() || update == UpdateProgress.State.PAUSED || update == UpdateProgress.State.FAILED;
            if (!service.isJob() && (broken || halted)) {
                put(manager, "mend", RandomServices::mended, document.uid());
            }
        }
    }

    /** A new image for the service; parallelism and {@code failureAction} of its update. */
    public void update(String uid, String image, int parallelism, String failureAction) {
        put(manager, "update to " + image, before -> {
            ObjectNode body = RandomServices.following(before);
            body.withObject("/Spec/TaskTemplate/ContainerSpec").put("Image", image);
            body.withObject("/Spec/UpdateConfig").put("Parallelism", parallelism).put("FailureAction", failureAction).put("MaxFailureRatio", 0).put("Delay", 0);
            return body;
        }, uid);
    }

    private static Document find(SimNode node, Kind kind, String uid) {
        return node.core().documents(kind).stream().filter(document -> document.uid().equals(uid)).findFirst().orElse(null);
    }

    private void told(SimNode node, String what) {
        log.add(cluster.now() + " ms: at " + node + " " + what);
    }

    /** Uids of the services and ids of the nodes that were removed. */
    public SortedSet<String> deleted() {
        return Collections.unmodifiableSortedSet(deleted);
    }

    public List<String> log() {
        return Collections.unmodifiableList(log);
    }
}
