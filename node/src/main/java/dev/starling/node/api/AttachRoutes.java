package dev.starling.node.api;

import dev.starling.runtime.Container;
import dev.starling.runtime.ContainerRuntime;
import dev.starling.runtime.ExecProcess;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpMethod;
import io.vertx.ext.web.RoutingContext;
import java.util.concurrent.CompletableFuture;

/**
 * {@code docker attach}: a connection that becomes the streams, or the terminal, of a container of this node. Its task goes on whoever comes and leaves; with
 * its standard input open (the API's OpenStdin) what the client sends reaches it. The keys that detach are the client's business.
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
        endpoints.post("/containers/{id}/resize", call -> CompletableFuture.completedFuture(resize(call)));
    }

    private void attach(RoutingContext context, Call call) {
        if (call.flag("logs")) {
            throw ApiException.notImplemented("attaching to a container with what it wrote before (logs=1); docker logs has that");
        }
        if (context.request().getHeader("Upgrade") == null) {
            throw ApiException.badRequest("attaching to a container needs an upgraded connection (Upgrade: tcp)");
        }
        Context own = vertx.getOrCreateContext();
        vertx.executeBlocking(() -> begin(call, own), false).onComplete(
                begun -> ConnectionUpgrade.upgrade(context.request(), begun.connection.contentType())
                        .onComplete(socket -> begun.connection.attach(socket, begun.process), error -> begun.connection.lost(begun.process)),
                error -> Replies.send(context, Replies.of(error)));
    }

    private record Begun(ExecConnection connection, ExecProcess process) {}

    private Begun begin(Call call, Context own) {
        Container container = containers.find(call.path("id"));
        if (container.paused()) {
            throw ApiException.conflict("container " + container.id() + " is paused, unpause the container before attach");
        }
        ExecConnection connection = new ExecConnection(container.spec().streams().tty(), call.flag("stdout"), call.flag("stderr"), own);
        ExecProcess attached = runtime.attach(container.id(), connection);
        attached.exit().thenAccept(code -> connection.ended());
        return new Begun(connection, attached);
    }

    private Reply resize(Call call) {
        Container container = containers.find(call.path("id"));
        runtime.resize(container.id(), ExecRoutes.terminalSide(call, "h"), ExecRoutes.terminalSide(call, "w"));
        return Reply.OK;
    }
}
