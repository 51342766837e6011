package dev.starling.node.api;

import io.vertx.core.Context;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServerResponse;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * {@code docker events} for one client: what the {@link EventLog} has since the time that was asked for, then what comes, as it comes, until the time that
 * was asked for. Nothing is queued for it but what its connection takes: it reads on in the log, and one so slow that the log has lost an event before it
 * was read misses that one. Runs on one event loop.
 */
final class EventStream {
    private final Vertx vertx;
    private final Context context;
    private final HttpServerResponse response;
    private final EventLog log;
    private final Filters filters;
    private final Instant since;
    private final Instant until;
    private final Runnable news = this::news;
    private final AtomicBoolean due = new AtomicBoolean();
    private long told;
    private long timer = -1;
    private boolean closed;

    /** @param since null for only what comes; {@code until} null for ever */
    EventStream(Vertx vertx, HttpServerResponse response, EventLog log, Filters filters, Instant since, Instant until) {
        this.vertx = vertx;
        this.context = vertx.getOrCreateContext();
        this.response = response;
        this.log = log;
        this.filters = filters;
        this.since = since;
        this.until = until;
        this.told = since == null ? log.newest() : 0;
    }

    void start() {
        response.setChunked(true).putHeader("Content-Type", "application/json");
        response.exceptionHandler(error -> close());
        response.closeHandler(nothing -> close());
        response.drainHandler(nothing -> goOn());
        response.writeHead();
        log.watch(news);
        goOn();
        if (until != null) {
            long left = until.toEpochMilli() - System.currentTimeMillis();
            if (left <= 0) {
                end();
            } else {
                timer = vertx.setTimer(left, nothing -> end());
            }
        }
    }

    /** On any thread; many at once make one turn. */
    private void news() {
        if (!due.getAndSet(true)) {
            context.runOnContext(nothing -> {
                due.set(false);
                goOn();
            });
        }
    }

    private void goOn() {
        if (closed || response.writeQueueFull()) {
            return;
        }
        for (EventLog.Event event : log.after(told)) {
            told = event.number();
            if (event.matches(filters) && (since == null || !event.time().isBefore(since)) && (until == null || !event.time().isAfter(until))) {
                response.write(event.json() + "\n");
            }
        }
    }

    private void end() {
        if (!closed) {
            goOn();
            close();
            response.end();
        }
    }

    private void close() {
        closed = true;
        log.unwatch(news);
        vertx.cancelTimer(timer);
    }
}
