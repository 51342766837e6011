package dev.starling.node.api;

import dev.starling.runtime.Container;
import dev.starling.runtime.ContainerRuntime;
import dev.starling.runtime.RuntimeShimException;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.ext.web.RoutingContext;

/** What a container uses ({@code docker stats}) and runs ({@code docker top}), and waiting for its end ({@code docker wait}). */
final class UsageRoutes {
    private static final long SAMPLE_MILLIS = 1000;
    private static final long LOOK_MILLIS = 100;

    private final Vertx vertx;
    private final ContainerRuntime runtime;
    private final ContainerRoutes containers;

    UsageRoutes(Vertx vertx, ContainerRuntime runtime, ContainerRoutes containers) {
        this.vertx = vertx;
        this.runtime = runtime;
        this.containers = containers;
    }

    void addTo(Endpoints endpoints) {
        endpoints.get("/containers/{id}/top", call -> {
            if (!call.query("ps_args", "-ef").equals("-ef")) {
                throw ApiException.notImplemented("docker top with options of ps");
            }
            return Reply.json(ProcessTable.of(runtime.processes(containers.find(call.path("id")).id())));
        });
        endpoints.stream(HttpMethod.GET, "/containers/{id}/stats", context -> stats(context, endpoints.call(context)));
        endpoints.stream(HttpMethod.POST, "/containers/{id}/wait", context -> await(context, endpoints.call(context)));
    }

    private void stats(RoutingContext context, Call call) {
        boolean stream = !call.query("stream", "1").equals("0") && !call.query("stream", "true").equals("false");
        boolean oneShot = call.flag("one-shot");
        vertx.executeBlocking(() -> containers.find(call.path("id")), false).onComplete(
                container -> {
                    HttpServerResponse response = context.response();
                    response.setChunked(true).putHeader("Content-Type", "application/json");
                    response.writeHead();
                    new Sampling(container, response, stream, oneShot).next(null);
                },
                error -> Replies.send(context, Replies.of(error)));
    }

    /** A line of JSON each second; just one, which needs two samples, where the client does not want a stream. Runs on one event loop. */
    private final class Sampling {
        private final Container container;
        private final HttpServerResponse response;
        private final boolean stream;
        private final boolean oneShot;

        Sampling(Container container, HttpServerResponse response, boolean stream, boolean oneShot) {
            this.container = container;
            this.response = response;
            this.stream = stream;
            this.oneShot = oneShot;
        }

        void next(StatsJson.Sample before) {
            vertx.executeBlocking(this::sample, false).onComplete(now -> {
                if (response.closed() || response.ended()) {
                    return;
                }
                boolean complete = before != null || oneShot;
                if ((stream || complete) && !response.writeQueueFull()) { // a slow reader misses samples
                    response.write(StatsJson.of(container, before, now) + "\n");
                }
                if (!stream && complete) {
                    response.end();
                } else {
                    vertx.setTimer(SAMPLE_MILLIS, timer -> next(now));
                }
            }, gone -> response.end());
        }

        private StatsJson.Sample sample() {
            try {
                return StatsJson.Sample.of(runtime.stats(container.id()));
            } catch (RuntimeShimException e) {
                if (e.kind() == RuntimeShimException.Kind.CONFLICT) {
                    return StatsJson.Sample.NOTHING; // Docker, too, shows zeros for what does not run
                }
                throw e;
            }
        }
    }

    private void await(RoutingContext context, Call call) {
        String condition = call.query("condition", "not-running");
        if (!condition.equals("not-running") && !condition.equals("next-exit")) {
            throw ApiException.notImplemented("docker wait for the condition \"" + condition + "\"");
        }
        vertx.executeBlocking(() -> containers.find(call.path("id")), false).onComplete(
                container -> {
                    context.response().setChunked(true).putHeader("Content-Type", "application/json").writeHead();
                    look(container.id(), context.response());
                },
                error -> Replies.send(context, Replies.of(error)));
    }

    private void look(String containerId, HttpServerResponse response) {
        if (response.closed()) {
            return;
        }
        Container container = runtime.inspect(containerId);
        if (container == null || container.state() == Container.State.EXITED) {
            int code = container == null ? -1 : container.exitCode().orElse(-1);
            response.end(Json.object().put("StatusCode", code) + "\n");
        } else {
            vertx.setTimer(LOOK_MILLIS, timer -> look(containerId, response));
        }
    }
}
