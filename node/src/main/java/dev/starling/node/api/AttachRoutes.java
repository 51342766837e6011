package dev.starling.node.api;

import dev.starling.runtime.Container;
import dev.starling.runtime.ContainerRuntime;
import dev.starling.runtime.ExecProcess;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpMethod;
import io.vertx.ext.web.RoutingContext;

/**
 * {@code docker attach}: a connection that becomes the streams of a container of this node. Its task goes on whoever comes and leaves; with its standard input
 * open (the API's OpenStdin) what the client sends reaches it.
 */
final class AttachRoutes {
    private final Vertx vertx;
    private final ContainerRuntime runtime;
    private final ContainerRoutes containers;

    AttachRoutes(Vertx vertx, ContainerRuntime runtime, ContainerRoutes containers) {
        this.vertx = vertx;
        this.runtime = runtime;
        this.containers = containers;
    }

    void addTo(Endpoints endpoints) {
        endpoints.stream(HttpMethod.POST, "/containers/{id}/attach", context -> attach(context, endpoints.call(context)));
    }

    private void attach(RoutingContext context, Call call) {
        if (call.flag("logs")) {
            throw ApiException.notImplemented("attaching to a container with what it wrote before (logs=1); docker logs has that");
        }
        if (context.request().getHeader("Upgrade") == null) {
            throw ApiException.badRequest("attaching to a container needs an upgraded connection (Upgrade: tcp)");
        }
        ExecConnection connection = new ExecConnection(false, call.flag("stdout"), call.flag("stderr"), vertx.getOrCreateContext());
        vertx.executeBlocking(() -> begin(call.path("id"), connection), false).onComplete(
                attached -> ConnectionUpgrade.upgrade(context.request(), connection.contentType())
                        .onComplete(socket -> connection.attach(socket, attached), error -> connection.lost(attached)),
                error -> Replies.send(context, Replies.of(error)));
    }

    private ExecProcess begin(String reference, ExecConnection connection) {
        Container container = containers.find(reference);
        if (container.paused()) {
            throw ApiException.conflict("container " + container.id() + " is paused, unpause the container before attach");
        }
        ExecProcess attached = runtime.attach(container.id(), connection);
        attached.exit().thenAccept(code -> connection.ended());
        return attached;
    }
}
