package dev.starling.node.api;

import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServerResponse;
import java.time.Instant;

/**
 * {@code docker events} for one client: what the {@link EventLog} has since the time that was asked for, then what comes, until the time that was
 * asked for. A reader so slow that the log has lost an event before it was read misses that one. Runs on one event loop.
 */
final class EventStream {
    private static final long LOOK_MILLIS = 200;

    private final Vertx vertx;
    private final HttpServerResponse response;
    private final EventLog log;
    private final Filters filters;
    private final Instant since;
    private final Instant until;
    private long told;
    private boolean closed;

    /** @param since null for only what comes; {@code until} null for ever */
    EventStream(Vertx vertx, HttpServerResponse response, EventLog log, Filters filters, Instant since, Instant until) {
        this.vertx = vertx;
        this.response = response;
        this.log = log;
        this.filters = filters;
        this.since = since;
        this.until = until;
        this.told = since == null ? log.newest() : 0;
    }

    void start() {
        response.setChunked(true).putHeader("Content-Type", "application/json");
        response.exceptionHandler(error -> closed = true);
        response.closeHandler(nothing -> closed = true);
        response.writeHead();
        goOn();
    }

    private void goOn() {
        if (closed) {
            return;
        }
        if (!response.writeQueueFull()) {
            for (EventLog.Event event : log.after(told)) {
                told = event.number();
                if (event.matches(filters) && (since == null || !event.time().isBefore(since)) && (until == null || !event.time().isAfter(until))) {
                    response.write(event.json() + "\n");
                }
            }
        }
        long left = until == null ? LOOK_MILLIS : until.toEpochMilli() - System.currentTimeMillis();
        if (left <= 0) {
            response.end();
        } else {
            vertx.setTimer(Math.min(LOOK_MILLIS, left), timer -> goOn());
        }
    }
}
