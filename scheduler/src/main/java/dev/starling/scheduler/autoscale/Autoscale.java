package dev.starling.scheduler.autoscale;

import dev.starling.gossip.NodeId;
import dev.starling.scheduler.model.AutoscalePolicy;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.ServiceLoad;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.View;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * How many replicas the load of a service asks for: a function of the view, so all nodes that see the same ask for the same.
 *
 * <p>Each task shall use about the wanted share, so {@code wanted = measured tasks x mean load}, rounded up. Nothing changes while the mean is
 * within an eighth of what is wanted: loads are told in eighths, and a replica more or less must not tip the balance back. Tasks that nobody has
 * measured yet (they start, or their node is away) count as idle where more are to be added, and as fully used where some are to go, so that what is
 * not known never makes a change larger. One step at most doubles the number, or halves it. A service that an operator has scaled to 0 stays there.
 *
 * <pre>
 *   3 tasks measured, mean 14 eighths    3 x 14 / 8 = 5.25  ->  6
 *   6 tasks measured, mean  3 eighths    6 x  3 / 8 = 2.25  ->  3
 * </pre>
 *
 * @param replicas now
 * @param wanted   by the load, within the policy's bounds
 * @param measured tasks whose load is known
 * @param percent  mean load of those in percent of what is wanted
 * @param resource "cpu" or "memory": which of them asks for more
 */
public record Autoscale(AutoscalePolicy policy, int replicas, int wanted, int measured, int percent, String resource) {
    private static final int BAND = 1;

    /** Empty for a service that is not scaled by its load. */
    public static Optional<Autoscale> of(View view, ServiceSpec service) {
        AutoscalePolicy policy = service.site().autoscale();
        if (!policy.isOn() || !(service.mode() instanceof ServiceSpec.Mode.Replicated mode)) {
            return Optional.empty();
        }
        int measured = 0;
        long cpu = 0;
        long memory = 0;
        for (Map.Entry<NodeId, List<ServiceLoad>> ofNode : view.loads().entrySet()) {
            NodeView node = view.nodes().get(ofNode.getKey());
            for (ServiceLoad load : node == null || !node.ready() ? List.<ServiceLoad>of() : ofNode.getValue()) {
                if (load.serviceUid().equals(service.uid())) {
                    measured += load.tasks();
                    cpu += (long) load.tasks() * load.cpu();
                    memory += (long) load.tasks() * load.memory();
                }
            }
        }
        long sum = Math.max(cpu, memory);
        int wanted = mode.replicas() == 0 ? 0 : clamp(policy, measured == 0 ? mode.replicas() : wanted(mode.replicas(), measured, sum));
        int percent = measured == 0 ? 0 : (int) (sum * 100 / measured / ServiceLoad.WANTED);
        return Optional.of(new Autoscale(policy, mode.replicas(), wanted, measured, percent, memory > cpu ? "memory" : "cpu"));
    }

    /** @param sum of the loads of the measured tasks, in eighths */
    private static int wanted(int replicas, int measured, long sum) {
        if (Math.abs(sum - (long) measured * ServiceLoad.WANTED) <= (long) measured * BAND) {
            return replicas;
        }
        boolean more = sum > (long) measured * ServiceLoad.WANTED;
        long unmeasured = more ? 0 : (long) Math.max(0, replicas - measured) * ServiceLoad.WANTED;
        long asked = (sum + unmeasured + ServiceLoad.WANTED - 1) / ServiceLoad.WANTED;
        return (int) (more ? Math.max(replicas, Math.min(asked, 2L * replicas)) : Math.min(replicas, Math.max(asked, (replicas + 1) / 2)));
    }

    private static int clamp(AutoscalePolicy policy, int replicas) {
        return Math.max(policy.min(), Math.min(policy.max(), replicas));
    }

    /** The number stands outside of the bounds: that is put right at once. */
    public boolean isOutOfBounds() {
        return replicas != 0 && replicas != clamp(policy, replicas);
    }

    /** "autoscale 1 to 5: cpu at 175 % of what is wanted (3 tasks measured), 3 replicas, 6 wanted". */
    public String text() {
        return "autoscale " + policy.min() + " to " + policy.max() + ": "
                + (measured == 0 ? "no load told yet" : resource + " at " + percent + " % of what is wanted (" + measured + (measured == 1 ? " task" : " tasks") + " measured)")
                + ", " + replicas + " replicas" + (wanted == replicas ? "" : ", " + wanted + " wanted");
    }
}
