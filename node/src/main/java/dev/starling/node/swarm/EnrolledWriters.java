package dev.starling.node.swarm;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.Desired;
import dev.starling.gossip.desired.DesiredGuard;
import dev.starling.gossip.desired.DesiredObject;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.ToLongFunction;

/**
 * Lets into the desired state only what passes the check of certificates and was not written by a manager after its demotion: its old
 * certificate says manager for up to 90 days more. Counts what is refused. On the core's thread only, but for {@link #refusals}.
 *
 * <p>Who is a worker here may have been promoted since: its certificate says by which generation of its document. Else nobody who missed the promotion would
 * ever take in what says so once the promoted node has changed its own document, for then the promotion is nowhere by itself.
 *
 * <p>The grace: a demotion takes a moment to reach the node that it is about, and what that node acknowledged in the meantime has to be the
 * same everywhere. A writer that lies about its clock gets by this check; docs/ARCHITECTURE.md says what that means.
 */
public final class EnrolledWriters implements DesiredGuard {
    public static final Duration GRACE = Duration.ofSeconds(30);

    private record Standing(DesiredObject document, boolean demoted) {}

    private final DesiredGuard certificates;
    private final ToLongFunction<DesiredObject> roleGeneration;
    private final LongAdder refused = new LongAdder();
    private final ObjectMapper mapper = new ObjectMapper();
    private final Map<NodeId, Standing> standings = new TreeMap<>();
    private Desired desired;

    /** @param roleGeneration of what {@code certificates} lets in: by which generation of its document its writer became a manager; 0 where that is not known */
    public EnrolledWriters(DesiredGuard certificates, ToLongFunction<DesiredObject> roleGeneration) {
        this.certificates = certificates;
        this.roleGeneration = roleGeneration;
    }

    /** Gossip takes its guard when it is made, and the guard reads what gossip has. */
    public void consult(Desired state) {
        desired = state;
    }

    @Override
    public String refusal(DesiredObject object) {
        String refusal = certificates.refusal(object);
        if (refusal == null) {
            refusal = demotion(object);
        }
        if (refusal != null) {
            refused.increment();
        }
        return refusal;
    }

    private String demotion(DesiredObject object) {
        DesiredObject document = desired.get(object.writer().value());
        if (document == null || !isDemotion(object.writer(), document)
                || object.time().wallMillis() <= document.time().wallMillis() + GRACE.toMillis()
                || !document.deleted() && roleGeneration.applyAsLong(object) > document.generation()) {
            return null;
        }
        return "was written after node " + object.writer() + " was demoted at " + Instant.ofEpochMilli(document.time().wallMillis());
    }

    private boolean isDemotion(NodeId writer, DesiredObject document) {
        Standing known = standings.get(writer);
        if (known == null || known.document != document) {
            known = new Standing(document, saysWorker(document));
            standings.put(writer, known);
        }
        return known.demoted;
    }

    private boolean saysWorker(DesiredObject document) {
        if (document.deleted()) {
            return true; // removed
        }
        try {
            String role = mapper.readTree(document.body().array()).path("Spec").path("Role").asText("");
            return role.equalsIgnoreCase(Role.WORKER.name());
        } catch (IOException e) {
            return false; // unreadable for this release: it says nothing
        }
    }

    public long refusals() {
        return refused.sum();
    }
}
