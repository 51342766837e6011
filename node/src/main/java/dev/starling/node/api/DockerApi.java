package dev.starling.node.api;

import dev.starling.gossip.desired.Kind;
import dev.starling.node.spec.ConstraintSyntax;
import dev.starling.node.spec.ServiceSpecCheck;
import dev.starling.runtime.ContainerRuntime;
import dev.starling.runtime.image.ImageStore;
import dev.starling.runtime.supervision.NamedVolumes;
import io.micrometer.core.instrument.MeterRegistry;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.net.SocketAddress;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import io.vertx.ext.web.handler.BodyHandler;
import java.nio.file.Path;
import java.util.function.Supplier;

/**
 * The Docker Engine API over a unix socket, so that the stock {@code docker} CLI is Starling's client on any node. Reads come from this
 * node's snapshot of the cluster, on workers too; writes go through {@link ClusterControl}. What Docker has and Starling does not is refused
 * by name ({@link MissingRoutes}, {@link ServiceSpecCheck}).
 *
 * <pre>{@code
 * DockerApi api = new DockerApi(vertx, control, runtime, volumes, images, logs, () -> hostInfo, null, DockerApi.Seams.NONE);
 * api.listen(Path.of("/run/starling.sock"));   // docker -H unix:///run/starling.sock node ls
 * }</pre>
 */
public final class DockerApi {
    /** For JSON; archives of images have no limit. */
    public static final long MAX_BODY_BYTES = 4 << 20;
    private static final int MAX_LINE_BYTES = 64 << 10;
    private static final String ROUTED = "starling.routed";

    /** What the scheduler knows and the API shows or checks; {@link #NONE} where it is not wired. */
    public record Seams(
            PendingTasks pending, ConstraintSyntax constraints, ServiceSpecCheck.Features features) {
        public static final Seams NONE =
                new Seams(PendingTasks.NONE, ConstraintSyntax.DOCKER, ServiceSpecCheck.Features.ALL);
    }

    private final Vertx vertx;
    private final Router router;
    private final String serverHeader;
    private final EventRoutes events;
    private HttpServer server;
    private UnixSocketFile socketFile;

    /** @param metrics null for none */
    public DockerApi(
            Vertx vertx, ClusterControl control, ContainerRuntime runtime, NamedVolumes volumes, ImageStore images, TaskLogs logs, Supplier<HostInfo> host,
            MeterRegistry metrics, Seams seams) {
        this.vertx = vertx;
        this.router = Router.router(vertx);
        this.serverHeader = "Starling/" + host.get().version() + " (linux)";
        Endpoints endpoints = new Endpoints(vertx, router, control, metrics);
        router.route().handler(this::open);
        new ImageTransferRoutes(vertx, images).addTo(endpoints);
        router.route().handler(BodyHandler.create(false).setBodyLimit(MAX_BODY_BYTES));
        VolumeRoutes volumeRoutes = new VolumeRoutes(runtime, volumes);
        volumeRoutes.addTo(endpoints);
        new PruneRoutes(images, control).addTo(endpoints);
        new LoginRoutes(images).addTo(endpoints);
        events = new EventRoutes(vertx, control, runtime, images);
        events.addTo(endpoints);
        new SystemRoutes(control, runtime, images, volumeRoutes, host).addTo(endpoints);
        new SwarmRoutes(control).addTo(endpoints);
        new NodeRoutes(control).addTo(endpoints);
        new ServiceRoutes(control, seams).addTo(endpoints);
        new TaskRoutes(seams.pending()).addTo(endpoints);
        new StarlingRoutes(seams).addTo(endpoints);
        new NetworkRoutes(control).addTo(endpoints);
        new SecretRoutes(control, Kind.SECRET).addTo(endpoints);
        new SecretRoutes(control, Kind.CONFIG).addTo(endpoints);
        ContainerRoutes containers = new ContainerRoutes(runtime, images);
        new LogRoutes(vertx, control, containers, logs).addTo(endpoints);
        containers.addTo(endpoints);
        new ExecRoutes(vertx, runtime, containers).addTo(endpoints);
        new AttachRoutes(vertx, runtime, containers).addTo(endpoints);
        new UsageRoutes(vertx, runtime, containers).addTo(endpoints);
        MissingRoutes.addTo(endpoints);
        new ImageRoutes(images, runtime).addTo(endpoints);
        for (int status : new int[] {404, 405}) { // Docker does not tell a wrong method from a wrong path
            router.errorHandler(status, context -> Replies.send(context, Reply.error(404, "page not found")));
        }
        router.errorHandler(413, context -> {
            context.response().putHeader("Connection", "close"); // the rest of the body is not read
            Replies.send(context, Reply.error(413, "the request body is larger than " + MAX_BODY_BYTES + " bytes"));
        });
        router.errorHandler(400, context -> Replies.send(context, Reply.error(400, message(context, "malformed request"))));
        router.errorHandler(500, context -> Replies.send(context, Replies.of(
                context.failure() == null ? new IllegalStateException("the request failed") : context.failure())));
    }

    /** Headers of each answer, and the version off the path. */
    private void open(RoutingContext context) {
        HttpServerResponse response = context.response();
        response.putHeader("Api-Version", ApiVersion.NEWEST.toString()).putHeader("Docker-Experimental", "false")
                .putHeader("Ostype", "linux").putHeader("Server", serverHeader);
        if (context.get(ROUTED) != null) {
            context.next();
            return;
        }
        context.put(ROUTED, true);
        try {
            String path = context.request().path();
            String stripped = ApiVersion.strip(path);
            if (stripped.equals(path)) {
                context.next();
            } else {
                String query = context.request().query();
                context.reroute(context.request().method(), query == null ? stripped : stripped + "?" + query);
            }
        } catch (ApiException e) {
            Replies.send(context, Replies.of(e));
        }
    }

    private static String message(RoutingContext context, String absent) {
        return context.failure() == null || context.failure().getMessage() == null ? absent : context.failure().getMessage();
    }

    /**
     * Listens on a unix socket, mode 0660. The file that a dead agent left is replaced; where a live one answers, this fails.
     */
    public Future<Void> listen(Path socket) {
        return vertx.executeBlocking(() -> UnixSocketFile.prepare(socket), false).compose(file -> {
            HttpServerOptions options = new HttpServerOptions().setMaxInitialLineLength(MAX_LINE_BYTES).setMaxHeaderSize(MAX_LINE_BYTES)
                    .setHandle100ContinueAutomatically(true);
            HttpServer created = vertx.createHttpServer(options).requestHandler(router);
            return created.listen(SocketAddress.domainSocketAddress(file.bindPath().toString()))
                    .compose(listening -> vertx.executeBlocking(() -> {
                        events.firstLook();
                        file.publish();
                        return listening;
                    }, false))
                    .onSuccess(listening -> {
                        server = listening;
                        events.start();
                        socketFile = file;
                    })
                    .<Void>mapEmpty()
                    .recover(error -> vertx.<Void>executeBlocking(() -> {
                        file.remove();
                        return null;
                    }, false).eventually(() -> Future.<Void>failedFuture(error)));
        });
    }

    /** Stops listening, breaks open streams off and removes the socket file. */
    public Future<Void> close() {
        if (server == null) {
            return Future.succeededFuture();
        }
        events.stop();
        return server.close().compose(nothing -> vertx.executeBlocking(() -> {
            socketFile.remove();
            return null;
        }, false));
    }
}
