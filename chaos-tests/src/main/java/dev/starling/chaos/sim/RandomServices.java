package dev.starling.chaos.sim;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.node.core.Document;
import dev.starling.node.spec.ServiceMode;
import dev.starling.node.spec.ServiceSpecReader;
import dev.starling.node.spec.SiteLabels;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * Documents of random services, from the simulation's seed: every mode, policy and demand that the product has. What an update may not change
 * (mode, exclusiveness) goes by the name, so that it stays.
 */
final class RandomServices {
    static final String[] ZONES = {"a", "b", "c"};
    private static final String JOB = "job";
    private static final String GLOBAL_JOB = "jobs-everywhere";
    private static final String GLOBAL = "global";
    private static final String EXCLUSIVE = "exclusive";
    private static final String REPLICATED = "replicated";
    private static final int HOST_PORTS = 4;

    private final RandomGenerator random;
    private final boolean scarce;
    private final int mostReplicas;
    private final String network;
    private final boolean openPorts;
    private int made;

    /**
     * @param scarce    they want more than the nodes have
     * @param openPorts half of them publish ports under numbers that nodes pick
     */
    RandomServices(RandomGenerator random, boolean scarce, int mostReplicas, String network, boolean openPorts) {
        this.random = random;
        this.scarce = scarce;
        this.mostReplicas = mostReplicas;
        this.network = network;
        this.openPorts = openPorts;
    }

    static int hostPort(RandomGenerator random) {
        return 8_080 + random.nextInt(HOST_PORTS);
    }

    static boolean isJob(String name) {
        return name.startsWith(JOB);
    }

    static boolean isExclusive(String name) {
        return name.startsWith(EXCLUSIVE);
    }

    String newName() {
        String kind = switch (random.nextInt(12)) {
            case 0, 1 -> JOB;
            case 2 -> GLOBAL_JOB;
            case 3, 4 -> GLOBAL;
            case 5, 6 -> EXCLUSIVE;
            default -> REPLICATED;
        };
        return kind + "-" + made++;
    }

    /** The spec of a new service, or what an update makes of {@code before} (null for a new one). */
    ObjectNode body(String name, Document before) {
        if (isJob(name)) {
            return job(name, before == null ? 1 : ServiceMode.iteration(before.body()) + random.nextInt(2)).body();
        }
        ObjectNode body = service(name).body();
        if (before != null) {
            if (isExclusive(name)) { // its slots are what is exclusive, so let them stay
                body.withObject("/Spec").set("Mode", before.spec().path("Mode"));
            }
            body.set("PreviousSpec", before.spec());
            SiteLabels.updated(body, before.body());
        }
        return body;
    }

    /** The same with another number of replicas; null where it has none. */
    ObjectNode scaled(Document before) {
        JsonNode replicas = before.spec().path("Mode").path("Replicated").path("Replicas");
        if (!replicas.isNumber()) {
            return null;
        }
        ObjectNode body = following(before);
        body.withObject("/Spec/Mode/Replicated").put("Replicas", random.nextInt(mostReplicas));
        return body;
    }

    /** {@code docker service rollback}; null where there is nothing to go back to. */
    static ObjectNode rolledBack(Document before) {
        JsonNode previous = before.body().path("PreviousSpec");
        if (!previous.isObject() || isJob(before.name())) {
            return null;
        }
        ObjectNode body = following(before);
        body.set("Spec", previous);
        body.put(ServiceSpecReader.ROLLED_BACK, true);
        SiteLabels.updated(body, before.body());
        return body;
    }

    /** The same with an image that runs, and an update that nothing stops. */
    static ObjectNode mended(Document before) {
        ObjectNode body = following(before);
        body.withObject("/Spec/TaskTemplate/ContainerSpec").put("Image", "mended:1");
        body.withObject("/Spec/UpdateConfig").put("FailureAction", "continue");
        return body;
    }

    /** What an update begins with: all of {@code before} but how its own update went, which the API does not take over either. */
    static ObjectNode following(Document before) {
        ObjectNode body = before.body().deepCopy();
        body.remove(List.of(ServiceSpecReader.ROLLED_BACK, "UpdateStatus"));
        body.set("PreviousSpec", before.spec());
        return body;
    }

    private Services job(String name, long iteration) {
        Services job = name.startsWith(GLOBAL_JOB) ? Services.globalJob(name) : Services.job(name, 1 + random.nextInt(mostReplicas), random.nextInt(4));
        if (random.nextBoolean()) {
            job.wanting("camera", 1);
        }
        return job.iteration(iteration);
    }

    private Services service(String name) {
        Services service = name.startsWith(GLOBAL) ? Services.global(name) : Services.replicated(name, random.nextInt(mostReplicas));
        service.updating(random.nextInt(4));
        if (isExclusive(name)) {
            service.label("starling.partition", "exclusive");
        } else if (random.nextInt(5) == 0) {
            service.label("starling.partition", "majority");
        }
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
        if (random.nextInt(3) == 0) {
            service.updating(random.nextInt(2_000), new String[] {"pause", "continue", "rollback"}[random.nextInt(3)], random.nextInt(3) * 0.25);
        }
        if (random.nextInt(8) == 0) {
            service.label("starling.rebalance", "off");
        }
        placement(service);
        if (openPorts && random.nextBoolean()) {
            service.openPort(80 + random.nextInt(2));
            if (random.nextInt(3) == 0) {
                service.openPort(80);
            }
        }
        switch (random.nextInt(10)) {
            case 0 -> service.restarting("none", 0);
            case 1 -> service.restarting("on-failure", 0);
            case 2 -> service.restarting("any", 1 + random.nextInt(3));
            case 3 -> service.restarting("any", 1 + random.nextInt(6)).within(5_000 + random.nextLong(60_000));
            default -> { }
        }
        return switch (random.nextInt(20)) {
            case 0 -> service.image(SimContainers.MISSING);
            case 1, 2 -> service.image(SimContainers.CRASH);
            case 3, 4, 5, 6, 7 -> service.image("other:" + random.nextInt(3));
            default -> service;
        };
    }

    private void placement(Services service) {
        switch (random.nextInt(10)) {
            case 0 -> service.constrained("node.labels.zone==" + ZONES[random.nextInt(ZONES.length)]);
            case 1 -> service.constrained("node.labels.zone!=" + ZONES[random.nextInt(ZONES.length)]);
            case 2 -> service.atMostOnANode(1 + random.nextInt(2));
            case 3 -> service.hostPort(hostPort(random));
            case 4 -> service.spreadOver("node.labels.zone");
            default -> { }
        }
    }
}
