package dev.starling.node.spec;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.NodeId;
import dev.starling.scheduler.model.PartitionPolicy;
import dev.starling.scheduler.model.SitePolicy;
import java.util.Collection;
import java.util.Iterator;
import java.util.Locale;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * The service labels {@code starling.*} ({@code docker service create --label}): what Starling can and Docker has no option for.
 *
 * <pre>
 *   starling.partition = both | majority | exclusive
 *   starling.rebalance = on | off
 *   starling.affinity  = none | client       where a connection goes: to any task, or to the same one for a client's address
 *   starling.ingress   = any | local         a published port leads to any task, or on each node to that node's own
 *   starling.autoscale.*            AutoscaleLabels
 *   starling.seccomp, .apparmor, .swap, .swappiness      PolicyLabels
 * </pre>
 */
public final class SiteLabels {
    private static final String PREFIX = "starling.";
    private static final String PARTITION = "starling.partition";
    private static final String REBALANCE = "starling.rebalance";
    private static final String AFFINITY = "starling.affinity";
    private static final String INGRESS = "starling.ingress";
    /** In the stored document, beside Spec: the ids of the nodes that were enrolled when an exclusive service was made. */
    private static final String ELECTORATE = "Electorate";

    /** As far as it is understood; never throws. */
    public static SitePolicy read(JsonNode body) {
        JsonNode labels = body.path("Spec").path("Labels");
        SortedSet<NodeId> electorate = new TreeSet<>();
        body.path(ELECTORATE).forEach(id -> {
            if (!id.asText().isEmpty()) {
                electorate.add(new NodeId(id.asText()));
            }
        });
        return new SitePolicy(partition(labels), electorate, !labels.path(REBALANCE).asText("").equals("off"),
                AutoscaleLabels.read(body.path("Spec")));
    }

    /** Whether a client's connections all go to one task of the service. */
    public static boolean staysWithClient(JsonNode spec) {
        return spec.path("Labels").path(AFFINITY).asText("").equals("client");
    }

    /** Whether a node's published port leads to that node's own tasks only, which then see their clients' addresses. */
    public static boolean keepsToOwnTasks(JsonNode spec) {
        return spec.path("Labels").path(INGRESS).asText("").equals("local");
    }

    private static PartitionPolicy partition(JsonNode labels) {
        return switch (labels.path(PARTITION).asText("")) {
            case "majority" -> PartitionPolicy.MAJORITY;
            case "exclusive" -> PartitionPolicy.EXCLUSIVE;
            default -> PartitionPolicy.BOTH;
        };
    }

    /** @throws SpecException INVALID for a label of ours that does not exist, or a value that it cannot have */
    static void check(JsonNode spec) {
        JsonNode labels = spec.path("Labels");
        for (Iterator<Map.Entry<String, JsonNode>> all = labels.fields(); all.hasNext();) {
            Map.Entry<String, JsonNode> label = all.next();
            String value = label.getValue().asText("");
            switch (label.getKey()) {
                case PARTITION -> oneOf(PARTITION, value, "both", "majority", "exclusive");
                case REBALANCE -> oneOf(REBALANCE, value, "on", "off");
                case AFFINITY -> oneOf(AFFINITY, value, "none", "client");
                case INGRESS -> oneOf(INGRESS, value, "any", "local");
                default -> {
                    if (label.getKey().startsWith(PREFIX) && !AutoscaleLabels.isKnown(label.getKey()) && !PolicyLabels.ALL.contains(label.getKey())) {
                        throw invalid("label " + label.getKey() + ": there is no such label; there are "
                                + String.join(", ", PARTITION, REBALANCE, AFFINITY, INGRESS, String.join(", ", PolicyLabels.ALL),
                                AutoscaleLabels.PREFIX + "min, max, cpu, memory, cooldown"));
                    }
                }
            }
        }
        AutoscaleLabels.parse(spec);
        boolean exclusive = partition(labels) == PartitionPolicy.EXCLUSIVE;
        boolean replicated = spec.path("Mode").isEmpty() || spec.path("Mode").has("Replicated");
        if (exclusive && !replicated) {
            throw invalid("label " + PARTITION + ": only a replicated service can be exclusive");
        }
    }

    private static void oneOf(String label, String value, String... allowed) {
        for (String each : allowed) {
            if (each.equals(value)) {
                return;
            }
        }
        throw invalid("label " + label + ": \"" + value + "\" is none of " + String.join(", ", allowed));
    }

    /**
     * Completes the document of a new service.
     *
     * @param enrolled the nodes of the cluster now
     * @throws SpecException FORBIDDEN for an exclusive service where this node knows of none: nobody could ever vote for it
     */
    public static void created(ObjectNode body, Collection<NodeId> enrolled) {
        if (partition(body.path("Spec").path("Labels")) == PartitionPolicy.EXCLUSIVE) {
            if (enrolled.isEmpty()) {
                throw SpecException.forbidden("an exclusive service needs nodes that vote for it, and this node does not know of any yet: wait until "
                        + "docker node ls shows the swarm's nodes, or create it at another manager");
            }
            ArrayNode electorate = body.putArray(ELECTORATE);
            new TreeSet<>(enrolled).forEach(node -> electorate.add(node.value()));
        }
    }

    /**
     * Completes the document of a service that is updated: who votes at first never changes, or two sides of a partition would count other votes.
     *
     * @throws SpecException INVALID where the service would become exclusive, or would be so no more
     */
    public static void updated(ObjectNode body, JsonNode before) {
        PartitionPolicy now = partition(body.path("Spec").path("Labels"));
        PartitionPolicy then = partition(before.path("Spec").path("Labels"));
        if (now != then && (now == PartitionPolicy.EXCLUSIVE || then == PartitionPolicy.EXCLUSIVE)) {
            throw invalid("label " + PARTITION + ": cannot change from " + then.name().toLowerCase(Locale.ROOT) + " to "
                    + now.name().toLowerCase(Locale.ROOT) + ": whose votes count is settled when a service is made; remove it and create it anew");
        }
        if (before.path(ELECTORATE).isArray()) {
            body.set(ELECTORATE, before.path(ELECTORATE));
        }
    }

    private static SpecException invalid(String message) {
        return SpecException.invalid("rpc error: code = InvalidArgument desc = " + message);
    }

    private SiteLabels() {}
}
