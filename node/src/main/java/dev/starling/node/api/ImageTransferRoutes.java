package dev.starling.node.api;

import dev.starling.runtime.image.ImageStore;
import dev.starling.runtime.image.RegistryCredentials;
import dev.starling.runtime.image.RegistryReference;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.WorkerExecutor;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpMethod;
import io.vertx.ext.web.RoutingContext;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** Images on their way: {@code docker load}, {@code save} and {@code pull}. All of them are streams of any length, on threads that may take long. */
final class ImageTransferRoutes {
    private static final int MAX_LOADS = 3;
    private static final int MAX_PULLS = 3;
    private static final int MAX_SAVES = 2;
    private static final int MAX_SAVED_IMAGES = 1_000;
    /** After which Vert.x grumbles in the log. */
    private static final long MAX_HOURS = 3;

    private final Vertx vertx;
    private final ImageStore images;
    /** Of their own: a pull takes minutes, an archive comes as fast as its client sends it, and the API's other calls must not wait behind them. */
    private final Transfers loads;
    private final Transfers pulls;
    private final Transfers saves;

    ImageTransferRoutes(Vertx vertx, ImageStore images) {
        this.vertx = vertx;
        this.images = images;
        this.loads = new Transfers(vertx, "docker-load", MAX_LOADS, "this node is loading " + MAX_LOADS + " archives of images already");
        this.pulls = new Transfers(vertx, "docker-pull", MAX_PULLS, "this node is pulling " + MAX_PULLS + " images already");
        this.saves = new Transfers(vertx, "docker-save", MAX_SAVES, "this node is saving " + MAX_SAVES + " archives of images already");
    }

    /** Of one kind: so many at a time, and no more. */
    private static final class Transfers {
        private final WorkerExecutor threads;
        private final int most;
        private final String refusal;
        private final AtomicInteger underWay = new AtomicInteger();

        Transfers(Vertx vertx, String name, int most, String refusal) {
            this.threads = vertx.createSharedWorkerExecutor(name, most, MAX_HOURS, TimeUnit.HOURS);
            this.most = most;
            this.refusal = refusal;
        }

        /** To be followed by {@link #run} or {@link #end}. */
        void begin() {
            if (underWay.getAndUpdate(count -> Math.min(most, count + 1)) >= most) {
                throw new ApiException(503, refusal);
            }
        }

        <T> Future<T> run(Callable<T> transfer) {
            return threads.executeBlocking(transfer, false).onComplete(done -> end());
        }

        void end() {
            underWay.decrementAndGet();
        }
    }

    /** To be added before the handler that gathers bodies: an archive is read as it comes in, however long it is. */
    void addTo(Endpoints endpoints) {
        endpoints.stream(HttpMethod.POST, "/images/load", this::load);
        endpoints.stream(HttpMethod.POST, "/images/create", this::pull);
        endpoints.stream(HttpMethod.GET, "/images/get", context -> save(context, context.queryParams().getAll("names")));
        endpoints.stream(HttpMethod.GET, "/images/{name...}/get", context -> save(context, List.of(context.pathParam("name"))));
    }

    private void load(RoutingContext context) {
        try {
            loads.begin();
        } catch (ApiException full) {
            context.request().resume(); // what still comes is let go
            throw full;
        }
        RequestBodyStream archive = new RequestBodyStream(vertx.getOrCreateContext(), context.request());
        loads.run(() -> {
            List<String> lines = images.load(archive);
            archive.drain();
            return lines;
        }).onComplete(lines -> {
            StringBuilder body = new StringBuilder();
            lines.forEach(line -> body.append(Json.object().put("stream", line + "\n")).append("\r\n"));
            context.response().putHeader("Content-Type", "application/json").end(Buffer.buffer(body.toString()));
        }, error -> {
            archive.close();
            Replies.send(context, Replies.of(error));
        });
    }

    private void pull(RoutingContext context) {
        String name = context.queryParams().get("fromImage");
        String tag = context.queryParams().get("tag");
        String platform = context.queryParams().get("platform");
        if (name == null || name.isEmpty()) {
            throw ApiException.notImplemented("docker import");
        }
        if (platform != null && !platform.isEmpty()) {
            throw ApiException.notImplemented("pulling for another platform than this node's (--platform)");
        }
        pulls.begin();
        try {
            RegistryReference reference = RegistryReference.parse(
                    tag == null || tag.isEmpty() ? name : name + (tag.startsWith("sha256:") ? "@" : ":") + tag);
            RegistryCredentials credentials = RegistryCredentials.ofHeader(header(context, "X-Registry-Auth"));
            context.request().resume();
            Context eventLoop = vertx.getOrCreateContext();
            pulls.<Void>run(() -> {
                new PullStream(eventLoop, context.response(), reference).run(images, credentials);
                return null;
            }).onFailure(error -> Replies.send(context, Replies.of(error)));
        } catch (RuntimeException refused) {
            pulls.end();
            throw refused;
        }
    }

    private void save(RoutingContext context, List<String> names) {
        if (names.isEmpty() || names.size() > MAX_SAVED_IMAGES) {
            throw ApiException.badRequest("names: 1 to " + MAX_SAVED_IMAGES + " images can be saved at once, got " + names.size());
        }
        if (!orEmpty(context.queryParams().get("platform")).isEmpty()) {
            throw ApiException.notImplemented("saving one of several platforms of an image (--platform): a node has the one it runs");
        }
        saves.begin();
        context.request().resume();
        context.response().putHeader("Content-Type", "application/x-tar");
        ResponseBodyStream body = new ResponseBodyStream(vertx.getOrCreateContext(), context.response());
        saves.<Void>run(() -> {
            images.save(names, body);
            return null;
        }).onComplete(done -> context.response().end(), error -> Replies.send(context, Replies.of(error)));
    }

    private static String header(RoutingContext context, String name) {
        return orEmpty(context.request().getHeader(name));
    }

    private static String orEmpty(String value) {
        return value == null ? "" : value;
    }
}
