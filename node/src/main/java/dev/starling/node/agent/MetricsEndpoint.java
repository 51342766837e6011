package dev.starling.node.agent;

import dev.starling.gossip.Endpoint;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import io.micrometer.prometheus.PrometheusMeterRegistry;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerResponse;
import java.util.concurrent.TimeUnit;

/** {@code GET /metrics} in Prometheus' text format, and {@code GET /healthz} for a liveness check. */
final class MetricsEndpoint implements AutoCloseable {
    private final Vertx vertx;
    private final PrometheusMeterRegistry registry;
    /** Null where they are off. */
    private final ContainerMetrics containers;
    private HttpServer server;

    /** @param containers null for none */
    MetricsEndpoint(Vertx vertx, PrometheusMeterRegistry registry, ContainerMetrics containers) {
        this.vertx = vertx;
        this.registry = registry;
        this.containers = containers;
        new JvmMemoryMetrics().bindTo(registry);
        new JvmThreadMetrics().bindTo(registry);
        new ProcessorMetrics().bindTo(registry);
        new UptimeMetrics().bindTo(registry);
    }

    void listen(Endpoint address) {
        HttpServer candidate = vertx.createHttpServer(new HttpServerOptions().setIdleTimeout(60).setIdleTimeoutUnit(TimeUnit.SECONDS))
                .requestHandler(request -> {
                    switch (request.path()) {
                        case "/metrics" -> scrape(request.response());
                        case "/healthz" -> request.response().end("ok\n");
                        default -> request.response().setStatusCode(404).end("not found: this listener has /metrics and /healthz\n");
                    }
                });
        try {
            server = candidate.listen(address.port(), address.host()).toCompletionStage().toCompletableFuture().get(10, TimeUnit.SECONDS);
        } catch (Exception e) {
            throw new IllegalStateException("metrics address " + address + " cannot be listened on: "
                    + (e.getCause() == null ? e : e.getCause()).getMessage() + "; choose another 'metrics', or 'off'", e);
        }
    }

    /** On a worker: containers are read from files. */
    private void scrape(HttpServerResponse response) {
        vertx.executeBlocking(() -> registry.scrape() + (containers == null ? "" : containers.scrape()), false).onComplete(
                text -> response.putHeader("Content-Type", "text/plain; version=0.0.4; charset=utf-8").end(text),
                failure -> response.setStatusCode(500).end("metrics cannot be read: " + failure + "\n"));
    }

    @Override
    public void close() {
        if (server != null) {
            server.close();
        }
    }
}
