package dev.starling.node.swarm;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.desired.HybridTime;
import dev.starling.gossip.trust.ClusterAuthority;
import dev.starling.gossip.trust.ClusterRoots;
import dev.starling.gossip.trust.RetiredRoot;
import dev.starling.gossip.trust.TrustException;
import java.io.IOException;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The objects of kind ROOT, one for each CA certificate that the cluster has or had:
 * {@code {"Certificate": PEM, "Round": 2, "CrossSigned": [PEM...], "Retired": {"UntilMillis": ..., "Writers": [id...]}}}.
 *
 * <p>One object a root, so that rotations in two partitions merge into both roots and neither is lost. The newest is the one with the highest
 * (round, time, uid). An object changes once, when its root is retired, so whatever wins a merge of two changes is retired.
 */
public final class RootDocuments {
    private static final Logger LOG = LoggerFactory.getLogger(RootDocuments.class);
    private static final int UID_CHARACTERS = 25;
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Comparator<Root> OLDEST_FIRST =
            Comparator.comparingLong(Root::round).thenComparing(Root::created).thenComparing(Root::uid);

    /** @param retired null while it is trusted */
    private record Root(String uid, long round, HybridTime created, X509Certificate certificate, List<X509Certificate> crossSigned, RetiredRoot retired) {}

    public static String uid(X509Certificate root) {
        return ClusterAuthority.digest(root).substring(0, UID_CHARACTERS);
    }

    public static ObjectNode body(X509Certificate root, long round, List<X509Certificate> crossSigned) {
        ObjectNode body = JsonNodeFactory.instance.objectNode();
        body.putObject("Spec");
        body.put("Certificate", ClusterAuthority.pem(root)).put("Round", round);
        ArrayNode crosses = body.putArray("CrossSigned");
        crossSigned.forEach(cross -> crosses.add(ClusterAuthority.pem(cross)));
        return body;
    }

    public static ObjectNode retired(JsonNode body, long untilMillis, Collection<NodeId> writers) {
        ObjectNode changed = body.deepCopy();
        ArrayNode names = changed.putObject("Retired").put("UntilMillis", untilMillis).putArray("Writers");
        writers.forEach(writer -> names.add(writer.value()));
        return changed;
    }

    /** The next round: above all that are known, the retired ones too. */
    public static long nextRound(Collection<DesiredObject> objects) {
        return parse(objects).stream().mapToLong(Root::round).max().orElse(0) + 1;
    }

    /** What {@code objects} say is to be trusted; where they say nothing (yet), what is trusted {@code otherwise}. */
    static ClusterRoots roots(Collection<DesiredObject> objects, ClusterRoots otherwise) {
        List<Root> all = parse(objects);
        List<Root> trusted = all.stream().filter(root -> root.retired == null).sorted(OLDEST_FIRST).toList();
        Map<X509Certificate, RetiredRoot> retired = new LinkedHashMap<>();
        otherwise.retired().forEach(root -> retired.put(root.certificate(), root)); // told when this node joined; the object may be under way
        all.stream().filter(root -> root.retired != null).forEach(root -> retired.put(root.certificate, root.retired));
        if (trusted.isEmpty()) {
            return new ClusterRoots(otherwise.clusterId(), otherwise.trusted(), otherwise.crossSigned(), List.copyOf(retired.values()));
        }
        int surplus = Math.max(0, trusted.size() - ClusterRoots.MAX_TRUSTED);
        return new ClusterRoots(otherwise.clusterId(), trusted.stream().skip(surplus).map(Root::certificate).toList(),
                trusted.stream().flatMap(root -> root.crossSigned.stream()).toList(),
                List.copyOf(retired.values()));
    }

    private static List<Root> parse(Collection<DesiredObject> objects) {
        List<Root> roots = new ArrayList<>();
        for (DesiredObject object : objects) {
            try {
                roots.add(parse(object, JSON.readTree(object.body().array())));
            } catch (IOException | TrustException e) {
                LOG.warn("root {} cannot be read and does not count: {}", object.uid(), e.getMessage());
            }
        }
        return roots;
    }

    private static Root parse(DesiredObject object, JsonNode body) {
        X509Certificate certificate = ClusterAuthority.certificate(body.path("Certificate").asText());
        List<X509Certificate> crossSigned = new ArrayList<>();
        body.path("CrossSigned").forEach(pem -> crossSigned.add(ClusterAuthority.certificate(pem.asText())));
        RetiredRoot retired = null;
        if (body.hasNonNull("Retired")) {
            List<NodeId> writers = new ArrayList<>();
            body.path("Retired").path("Writers").forEach(id -> writers.add(new NodeId(id.asText())));
            retired = new RetiredRoot(certificate, Instant.ofEpochMilli(body.path("Retired").path("UntilMillis").asLong()), writers);
        }
        return new Root(object.uid(), body.path("Round").asLong(), object.created(), certificate, crossSigned, retired);
    }

    private RootDocuments() {}
}
