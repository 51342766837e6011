package dev.starling.node.api;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServerResponse;
import java.time.Instant;
import java.util.Locale;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * {@code docker events}: what was created, updated and removed in the desired state, seen by comparing snapshots. A change that is undone
 * between two looks is not told, and nothing is kept for those who ask later ({@code since}).
 */
final class EventStream {
    private static final long LOOK_MILLIS = 500;

    private record Seen(Kind kind, String name, long generation) {}

    private final Vertx vertx;
    private final HttpServerResponse response;
    private final ClusterControl control;
    private final Filters filters;
    private final long untilMillis;
    private SortedMap<String, Seen> seen = new TreeMap<>();
    private boolean closed;

    EventStream(Vertx vertx, HttpServerResponse response, ClusterControl control, Filters filters, long untilMillis) {
        this.vertx = vertx;
        this.response = response;
        this.control = control;
        this.filters = filters;
        this.untilMillis = untilMillis;
    }

    void start() {
        response.setChunked(true).putHeader("Content-Type", "application/json");
        response.exceptionHandler(error -> closed = true);
        response.closeHandler(nothing -> closed = true);
        response.writeHead();
        seen = look();
        waitForMore();
    }

    private void waitForMore() {
        long left = untilMillis - System.currentTimeMillis();
        if (closed) {
            return;
        }
        if (left <= 0) {
            response.end();
            return;
        }
        vertx.setTimer(Math.max(1, Math.min(LOOK_MILLIS, left)), timer -> {
            if (closed) {
                return;
            }
            if (!response.writeQueueFull()) { // a slow reader gets the changes later, summed up
                tellChanges();
            }
            waitForMore();
        });
    }

    private void tellChanges() {
        SortedMap<String, Seen> now = look();
        now.forEach((uid, object) -> {
            Seen before = seen.get(uid);
            if (before == null) {
                tell(uid, object, "create");
            } else if (before.generation() != object.generation()) {
                tell(uid, object, "update");
            }
        });
        seen.forEach((uid, object) -> {
            if (!now.containsKey(uid)) {
                tell(uid, object, "remove");
            }
        });
        seen = now;
    }

    private SortedMap<String, Seen> look() {
        SortedMap<String, Seen> result = new TreeMap<>();
        ClusterSnapshot snapshot = control.snapshot();
        if (snapshot != null) {
            snapshot.documents().forEach((kind, documents) -> {
                for (Document document : documents) {
                    result.put(document.uid(), new Seen(kind, document.name(), document.object().generation()));
                }
            });
        }
        return result;
    }

    private void tell(String uid, Seen object, String action) {
        String type = object.kind() == Kind.CLUSTER ? "swarm" : object.kind().name().toLowerCase(Locale.ROOT);
        boolean wanted = filters.exactly("type", type) && filters.exactly("event", action) && filters.exactly("scope", "swarm");
        for (String named : new String[] {"service", "node", "network", "secret", "config", "container", "image", "volume", "plugin"}) {
            wanted &= !filters.has(named) || named.equals(type) && filters.any(named, value -> value.equals(uid) || value.equals(object.name()));
        }
        if (!wanted || filters.has("label") || filters.has("daemon")) {
            return;
        }
        Instant now = Instant.now();
        ObjectNode json = Json.object().put("Type", type).put("Action", action);
        json.putObject("Actor").put("ID", uid).putObject("Attributes").put("name", object.name());
        json.put("scope", "swarm").put("time", now.getEpochSecond()).put("timeNano", now.getEpochSecond() * 1_000_000_000 + now.getNano());
        response.write(json + "\n");
    }
}
