package dev.starling.node.api;

import com.fasterxml.jackson.databind.JsonNode;
import dev.starling.gossip.Role;
import dev.starling.node.core.ClusterSnapshot;
import io.vertx.core.buffer.Buffer;
import io.vertx.ext.web.RoutingContext;
import java.util.List;
import java.util.Locale;
import java.util.Objects;

/** One request, as the endpoints see it: its parameters and body, and the cluster as it was when it arrived. */
final class Call {
    static final String IN_NO_SWARM = "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this"
            + " node to swarm and try again.";
    static final String ON_A_WORKER = "This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state. Please"
            + " run this command on a manager node or promote the current node to a manager.";

    private final RoutingContext context;
    private final ClusterSnapshot snapshot;
    private final boolean locked;

    /** @param locked why there is no snapshot */
    Call(RoutingContext context, ClusterSnapshot snapshot, boolean locked) {
        this.context = context;
        this.snapshot = snapshot;
        this.locked = locked;
    }

    /** A part of the path, decoded. */
    String path(String name) {
        return Objects.requireNonNull(context.pathParam(name), name);
    }

    /** A parameter of the query, or {@code absent}. */
    String query(String name, String absent) {
        String value = context.queryParams().get(name);
        return value == null || value.isEmpty() ? absent : value;
    }

    /** All values of a parameter that may be repeated. */
    List<String> queries(String name) {
        return context.queryParams().getAll(name);
    }

    /** As Go reads them: everything but nothing, 0, no, false and none is true. */
    boolean flag(String name) {
        return switch (query(name, "").strip().toLowerCase(Locale.ROOT)) {
            case "", "0", "no", "false", "none" -> false;
            default -> true;
        };
    }

    /** @throws ApiException 400 where it is no integer of that range */
    long integer(String name, long absent, long least, long greatest) {
        String text = query(name, "");
        if (text.isEmpty()) {
            return absent;
        }
        try {
            long value = Long.parseLong(text);
            if (value >= least && value <= greatest) {
                return value;
            }
        } catch (NumberFormatException e) {
            throw ApiException.badRequest("invalid " + name + ": \"" + text + "\" is not a number");
        }
        throw ApiException.badRequest("invalid " + name + ": must be " + least + " to " + greatest + ", got " + text);
    }

    String header(String name) {
        String value = context.request().getHeader(name);
        return value == null ? "" : value;
    }

    Filters filters(String... known) {
        return Filters.parse(query("filters", ""), known);
    }

    /** The body; missing where there is none. */
    JsonNode body() {
        Buffer buffer = context.body().buffer();
        return Json.parse(buffer == null ? new byte[0] : buffer.getBytes(), "the request body");
    }

    /** The body, which must be an object. */
    JsonNode objectBody() {
        JsonNode body = body();
        if (!body.isObject()) {
            throw ApiException.badRequest(body.isMissingNode() ? "the request has no body" : "the request body: expected an object");
        }
        return body;
    }

    /** Null while this node is in no swarm. */
    ClusterSnapshot snapshotOrNull() {
        return snapshot;
    }

    /** For reads, which any node of a swarm answers. */
    ClusterSnapshot snapshot() {
        if (snapshot == null) {
            throw ApiException.unavailable(locked ? ClusterControl.LOCKED : IN_NO_SWARM);
        }
        return snapshot;
    }

    /** For writes, which a worker refuses in Docker's words. */
    ClusterSnapshot managerSnapshot() {
        if (snapshot().role() != Role.MANAGER) {
            throw ApiException.unavailable(ON_A_WORKER);
        }
        return snapshot;
    }
}
