package dev.starling.chaos.sim;

import dev.starling.chaos.invariant.AtMostInChange;
import dev.starling.chaos.invariant.ViewsAreEqual;
import dev.starling.scheduler.model.PartitionPolicy;
import dev.starling.scheduler.model.Resources;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.UpdatePolicy;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * What a cluster that has come to rest is asked to do, where a promise is about how many slots may be without a running task meanwhile: an
 * update (cut in two on the way), an update to an image that does not exist, a drain of a service that is updated start-first.
 */
final class Aftermath {
    private static final long CALM_MILLIS = 120_000;

    private final Simulation cluster;
    private final Operator operator;

    private Aftermath(Simulation cluster, Operator operator) {
        this.cluster = cluster;
        this.operator = operator;
    }

    static Runnable of(Simulation cluster, Operator operator, boolean scarce) {
        Aftermath aftermath = new Aftermath(cluster, operator);
        if (scarce) {
            return () -> { };
        }
        return switch (cluster.random().nextInt(6)) {
            case 0, 1 -> aftermath::updateInTwoParts;
            case 2 -> aftermath::updateToNothing;
            case 3 -> aftermath::drainStartFirst;
            default -> () -> { };
        };
    }

    private SimNode first() {
        return cluster.upNodes().get(0);
    }

    /** Replicated services of two slots at least, all of which run. */
    private List<ServiceSpec> running() {
        List<ServiceSpec> all = new ArrayList<>();
        for (ServiceSpec service : first().core().view().services().values()) {
            long runs = cluster.nodes().stream().flatMap(node -> node.running().stream()).filter(task -> task.slot().serviceUid().equals(service.uid())).count();
            if (service.mode() instanceof ServiceSpec.Mode.Replicated replicated && replicated.replicas() >= 2 && runs == replicated.replicas()) {
                all.add(service);
            }
        }
        return all;
    }

    private void watching(AtMostInChange limit, Runnable what) {
        cluster.always(limit);
        what.run();
        cluster.noLonger(limit);
    }

    /** At most the parallelism is in change, in both parts together. */
    private void updateInTwoParts() {
        List<ServiceSpec> candidates = running().stream()
                .filter(service -> service.update().parallelism() > 0 && service.site().partition() == PartitionPolicy.BOTH).toList();
        if (candidates.isEmpty()) {
            return;
        }
        ServiceSpec service = candidates.get(cluster.random().nextInt(candidates.size()));
        watching(new AtMostInChange(service.uid(), service.update().parallelism(), List.of()), () -> {
            operator.update(service.uid(), "next:1", service.update().parallelism(), "continue");
            cluster.network().loss(0.1);
            cluster.network().delay(20, 100);
            cluster.runFor(cluster.random().nextLong(500));
            List<SimNode> shuffled = new ArrayList<>(cluster.nodes());
            Collections.shuffle(shuffled, new java.util.Random(cluster.random().nextLong()));
            cluster.partition(shuffled.subList(0, shuffled.size() / 2));
            cluster.runFor(12_000);
            cluster.network().heal();
            cluster.settle(List.of(new ViewsAreEqual()), CALM_MILLIS);
        });
    }

    /** It halts when the first ones fail. */
    private void updateToNothing() {
        List<ServiceSpec> candidates = running().stream().filter(service -> service.update().parallelism() > 0).toList();
        if (!candidates.isEmpty()) {
            ServiceSpec service = candidates.get(cluster.random().nextInt(candidates.size()));
            watching(new AtMostInChange(service.uid(), service.update().parallelism(), List.of()), () -> {
                operator.update(service.uid(), SimContainers.MISSING, service.update().parallelism(), "pause");
                cluster.runFor(20_000);
            });
        }
    }

    /** Its tasks go on until others run in their place. */
    private void drainStartFirst() {
        List<ServiceSpec> candidates = running().stream()
                .filter(service -> service.update().order() == UpdatePolicy.Order.START_FIRST && service.site().partition() != PartitionPolicy.EXCLUSIVE
                        && service.constraints().isEmpty() && service.hostPorts().isEmpty() && service.maxReplicasPerNode() == 0
                        && service.reservations().equals(Resources.NONE)).toList();
        for (ServiceSpec service : candidates) {
            SimNode holder = cluster.nodes().stream()
                    .filter(node -> node.running().stream().anyMatch(task -> task.slot().serviceUid().equals(service.uid()))).findFirst().orElseThrow();
            watching(new AtMostInChange(service.uid(), 0, List.of()), () -> {
                operator.availability(holder, "drain");
                cluster.runFor(8_000);
            });
            operator.availability(holder, "active");
        }
    }
}
