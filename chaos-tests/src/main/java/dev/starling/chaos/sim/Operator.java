package dev.starling.chaos.sim;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.Document;
import dev.starling.node.spec.ServiceMode;
import dev.starling.node.core.WriteRefusedException;
import dev.starling.node.spec.SiteLabels;
import dev.starling.node.spec.SpecException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.random.RandomGenerator;

/** Somebody who makes, changes and removes services and drains nodes, at whatever node answers. All of it from the simulation's seed. */
public final class Operator {
    private static final int MAX_REPLICAS = 8;
    private static final String PARTITION = "starling.partition";
    private static final String EXCLUSIVE = "exclusive";
    /** Names of jobs begin so, and their length says which kind of job: an update leaves the mode as it is. */
    private static final String JOB = "job";

    private final Simulation cluster;
    private final RandomGenerator random;
    private final boolean scarce;
    private final List<Document> services = new ArrayList<>();
    private final SortedSet<String> deleted = new TreeSet<>();
    private final List<String> log = new ArrayList<>();
    private final String network;
    private int made;

    /**
     * Makes the network that services will use, so let the cluster run calmly for a moment: were it lost with the one disk that has it, the
     * services on it could rightly never run.
     *
     * @param scarce the services want more than the nodes have
     */
    public Operator(Simulation cluster, boolean scarce) {
        this.cluster = cluster;
        this.random = cluster.random();
        this.scarce = scarce;
        this.network = cluster.nodes().get(0)
                .operate((core, now) -> core.create(Kind.NETWORK, null, Services.network("net", "10.0.0.0/22", 4097), now)).uid();
    }

    /** One command, or none. A refusal is an answer too. */
    public void act() {
        List<SimNode> up = cluster.upNodes().stream().filter(SimNode::answers).toList();
        if (up.isEmpty()) {
            return;
        }
        SimNode node = up.get(random.nextInt(up.size()));
        try {
            switch (random.nextInt(7)) {
                case 0, 1 -> create(node);
                case 2, 3 -> change(node);
                case 4 -> remove(node);
                case 5 -> drain(node, cluster.nodes().get(random.nextInt(cluster.nodes().size())), random.nextBoolean() ? "drain" : "active");
                default -> { }
            }
        } catch (WriteRefusedException | SpecException refused) {
            told(node, "refused: " + refused.getMessage()); // unknown there, or changed meanwhile; nothing was changed
        }
    }

    private void create(SimNode node) {
        String name = (random.nextInt(4) == 0 ? JOB + "x".repeat(random.nextInt(3)) : "s") + made++;
        ObjectNode body = name.startsWith(JOB) ? job(name, 1) : service(name);
        if (random.nextInt(4) == 0 && body.path("Spec").path("Mode").has("Replicated")) {
            body.withObject("/Spec/Labels").put(PARTITION, EXCLUSIVE);
            SiteLabels.created(body, node.core().view().nodes().keySet());
        }
        services.add(node.operate((core, now) -> core.create(Kind.SERVICE, null, body, now)));
        told(node, "create " + name);
    }

    private void change(SimNode node) {
        if (!services.isEmpty()) {
            Document service = services.get(random.nextInt(services.size()));
            told(node, "update " + service.name());
            node.operate((core, now) -> {
                Document here = find(node, Kind.SERVICE, service.uid());
                return here == null ? null : core.update(here.uid(), here.object().generation(), 
                        here.name().startsWith(JOB) ? job(here.name(), ServiceMode.iteration(here.body()) + random.nextInt(2)) : changed(here), now);
            });
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

    private void drain(SimNode node, SimNode which, String availability) {
        Document here = find(node, Kind.NODE, which.id().value());
        if (here != null) {
            told(node, availability + " " + which);
            ObjectNode body = here.body().deepCopy();
            body.withObject("/Spec").put("Availability", availability);
            node.operate((core, now) -> core.update(here.uid(), here.object().generation(), body, now));
        }
    }

    /** Ends all drains. */
    public void activateAll() {
        SimNode node = cluster.upNodes().get(0);
        cluster.nodes().forEach(which -> drain(node, which, "active"));
    }

    private static Document find(SimNode node, Kind kind, String uid) {
        return node.core().documents(kind).stream().filter(document -> document.uid().equals(uid)).findFirst().orElse(null);
    }

    private ObjectNode job(String name, long iteration) {
        Services job = name.length() % 3 == 0 ? Services.globalJob(name) : Services.job(name, 1 + random.nextInt(MAX_REPLICAS), random.nextInt(4));
        if (random.nextBoolean()) {
            job.wanting("camera", 1);
        }
        return job.iteration(iteration).body();
    }

    private ObjectNode service(String name) {
        Services service = random.nextInt(5) == 0 ? Services.global(name) : Services.replicated(name, random.nextInt(MAX_REPLICAS));
        if (scarce) {
            service.reserving(500_000_000L * (1 + random.nextInt(3)), 256L << 20);
        } else if (random.nextBoolean()) {
            service.reserving(50_000_000L, 16L << 20);
        }
        if (scarce && random.nextBoolean()) {
            service.wanting(random.nextBoolean() ? "gpu" : "camera", 1);
        }
        if (random.nextBoolean()) {
            service.on(network);
        }
        if (random.nextInt(3) == 0) {
            service.startFirst();
        }
        if (random.nextInt(5) == 0) {
            service.label("starling.partition", "majority");
        }
        return service.updating(1 + random.nextInt(2)).body();
    }

    /** What an update may not change stays. */
    private ObjectNode changed(Document before) {
        ObjectNode body = service(before.name());
        JsonNode label = before.spec().path("Labels").path(PARTITION);
        if (label.asText("").equals(EXCLUSIVE)) {
            body.withObject("/Spec/Labels").put(PARTITION, EXCLUSIVE);
            body.withObject("/Spec").set("Mode", before.spec().path("Mode"));
        }
        SiteLabels.updated(body, before.body());
        return body;
    }

    private void told(SimNode node, String what) {
        log.add(cluster.now() + " ms: at " + node + " " + what);
    }

    /** Uids of the services that were removed. */
    public SortedSet<String> deleted() {
        return Collections.unmodifiableSortedSet(deleted);
    }

    public List<String> log() {
        return Collections.unmodifiableList(log);
    }
}
