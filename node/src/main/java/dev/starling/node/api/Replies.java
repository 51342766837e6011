package dev.starling.node.api;

import dev.starling.node.spec.SpecException;
import dev.starling.runtime.RuntimeShimException;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.ext.web.RoutingContext;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Turns what an endpoint returned or threw into bytes on the wire. */
final class Replies {
    private static final Logger LOG = LoggerFactory.getLogger(Replies.class);

    static Reply of(Throwable error) {
        Throwable cause = error;
        while ((cause instanceof CompletionException || cause instanceof ExecutionException) && cause.getCause() != null) {
            cause = cause.getCause();
        }
        if (cause instanceof ApiException known) {
            return Reply.error(known.status(), known.getMessage());
        }
        if (cause instanceof SpecException spec) {
            return Reply.error(switch (spec.kind()) {
                case INVALID -> 400;
                case FORBIDDEN -> 403;
                case NOT_FOUND -> 404;
                case NOT_SUPPORTED -> 501;
            }, spec.getMessage());
        }
        if (cause instanceof RuntimeShimException shim) {
            return Reply.error(switch (shim.kind()) {
                case NOT_FOUND -> 404;
                case CONFLICT -> 409;
                case INVALID -> 400;
                case UNSUPPORTED -> 501;
                case SYSTEM -> 500;
            }, shim.getMessage());
        }
        LOG.error("an endpoint failed", cause);
        return Reply.error(500, cause.getMessage() == null ? cause.toString() : cause.getMessage());
    }

    static void send(RoutingContext context, Reply reply) {
        HttpServerResponse response = context.response();
        if (response.ended() || response.closed()) {
            return; // the client went away
        }
        if (response.headWritten()) {
            response.reset(); // too late for an error: at least the client sees that the stream broke off
            return;
        }
        response.setStatusCode(reply.status());
        if (reply.body() == null) {
            response.end();
            return;
        }
        response.putHeader("Content-Type", "application/json").end(
                Buffer.buffer((reply.body() + "\n").getBytes(StandardCharsets.UTF_8)));
    }

    private Replies() {}
}
