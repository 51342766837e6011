package dev.starling.node.api;

import dev.starling.node.core.ClusterSnapshot;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpMethod;
import io.vertx.ext.web.Route;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The table of endpoints. Each runs on a worker thread, so it may block; it has {@link #BOUND_SECONDS} for its answer, and whatever it throws
 * becomes an answer too.
 *
 * <p>Paths are written {@code /services/{id}/logs}; {@code {name...}} also takes slashes, as image names have.
 */
final class Endpoints {
    static final long BOUND_SECONDS = 60;
    private static final Pattern PARAMETER = Pattern.compile("\\{([a-z]+)(\\.\\.\\.)?}");

    private final Vertx vertx;
    private final Router router;
    private final ClusterControl control;
    private final MeterRegistry metrics;

    /** @param metrics null for none */
    Endpoints(Vertx vertx, Router router, ClusterControl control, MeterRegistry metrics) {
        this.vertx = vertx;
        this.router = router;
        this.control = control;
        this.metrics = metrics;
    }

    void get(String path, Function<Call, Reply> endpoint) {
        add(HttpMethod.GET, path, call -> Future.succeededFuture(endpoint.apply(call)));
    }

    void head(String path, Function<Call, Reply> endpoint) {
        add(HttpMethod.HEAD, path, call -> Future.succeededFuture(endpoint.apply(call)));
    }

    /** An endpoint that changes something, and answers when that is done. */
    void post(String path, Function<Call, CompletionStage<Reply>> endpoint) {
        add(HttpMethod.POST, path, call -> Future.fromCompletionStage(endpoint.apply(call)));
    }

    void delete(String path, Function<Call, CompletionStage<Reply>> endpoint) {
        add(HttpMethod.DELETE, path, call -> Future.fromCompletionStage(endpoint.apply(call)));
    }

    /** An endpoint that writes its own, long answer, on the event loop. What it throws is answered as elsewhere. */
    void stream(HttpMethod method, String path, Handler<RoutingContext> endpoint) {
        route(method, path).handler(context -> {
            try {
                endpoint.handle(context);
            } catch (RuntimeException e) {
                Replies.send(context, Replies.of(e));
            }
        });
    }

    Call call(RoutingContext context) {
        ClusterSnapshot snapshot = control.snapshot();
        return new Call(context, snapshot, snapshot == null && control.isLocked());
    }

    private void add(HttpMethod method, String path, Function<Call, Future<Reply>> endpoint) {
        route(method, path).handler(context -> {
            Timer.Sample timer = metrics == null ? null : Timer.start(metrics);
            vertx.executeBlocking(() -> endpoint.apply(call(context)), false)
                    .compose(reply -> reply)
                    .timeout(BOUND_SECONDS, TimeUnit.SECONDS)
                    .otherwise(error -> error instanceof TimeoutException
                            ? Reply.error(504, method + " " + path + " had no answer within " + BOUND_SECONDS + " s") : Replies.of(error))
                    .onSuccess(reply -> {
                        if (timer != null) {
                            timer.stop(Timer.builder("starling.api.requests").tag("method", method.name()).tag("path", path)
                                    .tag("status", Integer.toString(reply.status())).register(metrics));
                        }
                        Replies.send(context, reply);
                    });
        });
    }

    private Route route(HttpMethod method, String path) {
        return router.routeWithRegex(method, regex(path));
    }

    private static String regex(String path) {
        StringBuilder regex = new StringBuilder();
        Matcher matcher = PARAMETER.matcher(path);
        int end = 0;
        while (matcher.find()) {
            regex.append(Pattern.quote(path.substring(end, matcher.start())));
            regex.append("(?<").append(matcher.group(1)).append('>').append(matcher.group(2) == null ? "[^/]+" : ".+").append(')');
            end = matcher.end();
        }
        return regex.append(Pattern.quote(path.substring(end))).toString();
    }
}
