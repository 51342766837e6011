package dev.starling.node.api;

import dev.starling.runtime.ContainerRuntime;
import dev.starling.runtime.image.ImageStore;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpMethod;
import io.vertx.ext.web.RoutingContext;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@code /events}: one watch for all clients, which looks also while there is none, so that {@code --since} has an answer. The runtime tells of containers by
 * itself, the cluster that there is news to look for; images nobody tells of, so they are looked at twice a second.
 */
final class EventRoutes {
    private static final Logger LOG = LoggerFactory.getLogger(EventRoutes.class);
    private static final long LOOK_MILLIS = 500;
    /** News of the cluster may come by the hundred in a second: what has gathered is one look. */
    private static final long GATHER_MILLIS = 20;

    private final Vertx vertx;
    private final EventLog log = new EventLog();
    private final EventWatch watch;
    private final AtomicBoolean due = new AtomicBoolean();
    private volatile boolean running;
    private long timer = -1;

    EventRoutes(Vertx vertx, ClusterControl control, ContainerRuntime runtime, ImageStore images) {
        this.vertx = vertx;
        this.watch = new EventWatch(log, control, images);
        runtime.onChange(watch::tell);
        control.onSnapshot(this::lookSoon);
    }

    void addTo(Endpoints endpoints) {
        endpoints.stream(HttpMethod.GET, "/events", context -> stream(context, endpoints.call(context)));
    }

    /** Before the first client can ask for something: what is there by then is no event, and all that comes later is one. */
    void firstLook() {
        watch.look();
    }

    /** Looks from now on, until {@link #stop}. */
    void start() {
        running = true;
        timer = vertx.setTimer(LOOK_MILLIS, next -> lookOn());
    }

    /** From any thread; returns at once. */
    private void lookSoon() {
        if (running && !due.getAndSet(true)) {
            vertx.setTimer(GATHER_MILLIS, now -> vertx.executeBlocking(() -> {
                due.set(false);
                watch.look();
                return null;
            }, false).onFailure(error -> LOG.warn("events of this moment are not told", error)));
        }
    }

    private void lookOn() {
        vertx.executeBlocking(() -> {
            watch.look();
            return null;
        }, false).onComplete(done -> {
            if (done.failed()) {
                LOG.warn("events of this moment are not told", done.cause());
            }
            if (timer >= 0) {
                timer = vertx.setTimer(LOOK_MILLIS, next -> lookOn());
            }
        });
    }

    void stop() {
        running = false;
        vertx.cancelTimer(timer);
        timer = -1;
    }

    private void stream(RoutingContext context, Call call) {
        Filters filters = call.filters("type", "event", "scope", "service", "node", "network", "secret", "config", "label", "container",
                "image", "volume", "plugin", "daemon");
        new EventStream(vertx, context.response(), log, filters, time(call, "since"), time(call, "until")).start();
    }

    private static Instant time(Call call, String name) {
        String text = call.query(name, "");
        return text.isEmpty() ? null : LogOptions.instant(name, text);
    }
}
