package dev.starling.node.api;

import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.runtime.Container;
import dev.starling.scheduler.model.Task;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpMethod;
import io.vertx.ext.web.RoutingContext;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** The logs of services, tasks and containers. */
final class LogRoutes {
    private static final String TASK_LABEL = "com.docker.swarm.task.id";

    private final Vertx vertx;
    private final ClusterControl control;
    private final ContainerRoutes containers;
    private final TaskLogs logs;

    LogRoutes(Vertx vertx, ClusterControl control, ContainerRoutes containers, TaskLogs logs) {
        this.vertx = vertx;
        this.control = control;
        this.containers = containers;
        this.logs = logs;
    }

    void addTo(Endpoints endpoints) {
        endpoints.stream(HttpMethod.GET, "/services/{id}/logs", context -> {
            Call call = endpoints.call(context);
            Document found = new Lookup(call.snapshot()).document(Kind.SERVICE, call.path("id"));
            String service = found.uid();
            stream(context, LogOptions.of(call), hasTerminal(found), () -> tasksOf(service), () -> exists(service));
        });
        endpoints.stream(HttpMethod.GET, "/tasks/{id}/logs", context -> {
            Call call = endpoints.call(context);
            Task task = new Lookup(call.snapshot()).task(call.path("id"));
            Document service = call.snapshot().document(Kind.SERVICE, task.slot().serviceUid());
            stream(context, LogOptions.of(call), service != null && hasTerminal(service), () -> List.of(task), () -> false);
        });
        endpoints.stream(HttpMethod.GET, "/containers/{id}/logs", context -> {
            Call call = endpoints.call(context);
            LogOptions options = LogOptions.of(call);
            vertx.executeBlocking(() -> containers.find(call.path("id")), false).map(container -> Map.entry(container, taskOf(container, call))).onComplete(
                    found -> stream(context, options, found.getKey().spec().streams().tty(), () -> List.of(found.getValue()), () -> false),
                    error -> Replies.send(context, Replies.of(error)));
        });
    }

    /** Of its tasks as they are now; the client looks at the same, to know what it gets. */
    private static boolean hasTerminal(Document service) {
        return service.spec().path("TaskTemplate").path("ContainerSpec").path("TTY").asBoolean(false);
    }

    private void stream(RoutingContext context, LogOptions options, boolean raw, Supplier<List<Task>> tasks, BooleanSupplier mayGrow) {
        new LogStream(vertx, context.response(), logs, options, raw, tasks, mayGrow).start();
    }

    private boolean exists(String service) {
        ClusterSnapshot snapshot = control.snapshot();
        return snapshot != null && snapshot.documents().getOrDefault(Kind.SERVICE, List.of()).stream()
                .anyMatch(document -> document.uid().equals(service));
    }

    private List<Task> tasksOf(String service) {
        ClusterSnapshot snapshot = control.snapshot();
        return snapshot == null ? List.of() : snapshot.view().tasks().values().stream().flatMap(List::stream)
                .filter(task -> task.slot().serviceUid().equals(service)).toList();
    }

    private static Task taskOf(Container container, Call call) {
        String id = container.spec().labels().getOrDefault(TASK_LABEL, "");
        ClusterSnapshot snapshot = call.snapshot();
        return snapshot.view().tasks().getOrDefault(snapshot.self(), List.of()).stream().filter(task -> task.id().equals(id)).findFirst()
                .orElseThrow(() -> ApiException.notFound("the log of container " + call.path("id") + ": its task is no longer known"));
    }
}
