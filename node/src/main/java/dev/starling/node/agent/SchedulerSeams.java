package dev.starling.node.agent;

import com.fasterxml.jackson.databind.JsonNode;
import dev.starling.gossip.desired.HybridTime;
import dev.starling.node.api.DockerApi;
import dev.starling.node.api.UpdateProgress;
import dev.starling.node.core.Document;
import dev.starling.node.spec.ServiceSpecCheck;
import dev.starling.node.spec.ServiceSpecReader;
import dev.starling.node.spec.TaskTemplate;
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
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** What the Docker API shows of the scheduler's pure functions: slots that wait, and how far an update is. */
public final class SchedulerSeams {
    private static final int ID_LENGTH = 25;

    public static DockerApi.Seams of(ServiceSpecCheck.Features features) {
        return new DockerApi.Seams(SchedulerSeams::pending, (view, document) -> progress(view, document, System.currentTimeMillis()),
                Constraint::parse, features);
    }

    private static List<Task> pending(View view) {
        return Pending.tasks(view).stream().map(waiting -> {
            ServiceSpec service = view.services().get(waiting.serviceUid());
            long created = service.created().wallMillis();
            return new Task(idOf(waiting.slot()), waiting.slot(), null, service.generation(), service.templateHash(), service.image(),
                    TaskState.PENDING, TaskState.RUNNING, HybridTime.ZERO, 0, 0, 0, created, created, "pending task scheduling",
                    waiting.reason(), -1, "", 0, Collections.emptySortedMap(), service.reservations(), service.iteration(), 0, null);
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

    /**
     * Empty for a service whose last write left its tasks as they were (a scale), as Docker has it. Completed once the last changed task
     * has run for the monitor period: until then the CLI still watches.
     */
    private static Optional<UpdateProgress.Status> progress(View view, Document document, long nowMillis) {
        ServiceSpec service = view.services().get(document.uid());
        JsonNode previous = document.body().path("PreviousSpec");
        if (service == null || service.isJob() || !previous.isObject() || TaskTemplate.of(previous).hash().equals(service.templateHash())) {
            return Optional.empty();
        }
        dev.starling.scheduler.rollout.UpdateProgress progress = dev.starling.scheduler.rollout.UpdateProgress.of(view, service);
        long started = document.object().time().wallMillis();
        long settled = Math.max(started, lastChange(view, service)) + service.update().monitorMillis();
        boolean completed = progress.state() == dev.starling.scheduler.rollout.UpdateProgress.State.COMPLETED;
        if (completed && nowMillis < settled) {
            completed = false;
            progress = progress.stillWatched();
        }
        if (document.body().path(ServiceSpecReader.ROLLED_BACK).asBoolean(false)) {
            progress = progress.asRollback();
        }
        return Optional.of(new UpdateProgress.Status(progress.state().name().toLowerCase(Locale.ROOT), started, completed ? settled : 0,
                progress.message()));
    }

    private static long lastChange(View view, ServiceSpec service) {
        return view.tasks().values().stream().flatMap(List::stream)
                .filter(task -> task.slot().serviceUid().equals(service.uid()) && task.templateHash().equals(service.templateHash()))
                .mapToLong(Task::changedMillis).max().orElse(0);
    }

    private SchedulerSeams() {}
}
