package dev.starling.node.agent;

import dev.starling.gossip.desired.HybridTime;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.api.DockerApi;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.spec.ServiceSpecCheck;
import dev.starling.scheduler.filter.Constraint;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import dev.starling.scheduler.model.View;
import dev.starling.scheduler.plan.Pending;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.InstantSource;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What the Docker API shows of the scheduler's pure functions: slots that wait. */
public final class SchedulerSeams {
    private static final int ID_LENGTH = 25;
    /** A slot that a node can take is taken within a beat or two; what takes longer is told. */
    private static final long PATIENCE_MILLIS = 5_000;

    public static DockerApi.Seams of(ServiceSpecCheck.Features features, InstantSource clock) {
        return new DockerApi.Seams(snapshot -> pending(snapshot, clock.millis()), Constraint::parse, features);
    }

    private static List<Task> pending(ClusterSnapshot snapshot, long now) {
        View view = snapshot.view();
        Map<String, Long> written = new HashMap<>();
        snapshot.documents().getOrDefault(Kind.SERVICE, List.of()).forEach(service -> written.put(service.uid(), service.object().time().wallMillis()));
        return Pending.tasks(view).stream().map(waiting -> {
            ServiceSpec service = view.services().get(waiting.serviceUid());
            long created = service.created().wallMillis();
            boolean early = waiting.isOffered() && now - written.getOrDefault(waiting.serviceUid(), created) < PATIENCE_MILLIS;
            return new Task(idOf(waiting.slot()), waiting.slot(), null, service.generation(), service.templateHash(), service.image(),
                    TaskState.PENDING, TaskState.RUNNING, HybridTime.ZERO, 0, 0, 0, created, created, "pending task scheduling",
                    early ? "" : waiting.reason(), -1, "", 0, Collections.emptySortedMap(), service.reservations(), service.iteration(), 0, null);
        }).toList();
    }

    /** The same for a slot as long as it waits: nobody has claimed it, so nobody has given it an id. */
    private static String idOf(Slot slot) {
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(("pending " + slot).getBytes(StandardCharsets.UTF_8));
            return new BigInteger(1, hash).toString(36).substring(0, ID_LENGTH);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("this Java has no SHA-256, which every Java must have", e);
        }
    }

    private SchedulerSeams() {}
}
