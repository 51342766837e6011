package dev.starling.node.api;

import dev.starling.runtime.supervision.NamedVolumes;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The API over a fake cluster, on a socket in a directory of its own. Everything goes with {@link #close}. */
final class ApiFixture implements AutoCloseable {
    static final HostInfo HOST = new HostInfo("n1", "0.1.0", "abc1234", "6.18.0", "Debian GNU/Linux 12 (bookworm)", "12", "x86_64", 2, 8L << 30,
            "/var/lib/starling", "2", "cgroupfs", List.of("WARNING: no ESP in this kernel"), List.of(), HostInfo.Runtime.NATIVE);

    final FakeCluster cluster = new FakeCluster();
    final FakeRuntime runtime = new FakeRuntime();
    final FakeImages images = new FakeImages();
    final FakeLogs logs = new FakeLogs();
    final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    final Path directory;
    final Path socket;
    final NamedVolumes volumes;
    private final Vertx vertx = Vertx.vertx(new VertxOptions().setPreferNativeTransport(true));
    private final DockerApi api;

    ApiFixture() throws Exception {
        this(DockerApi.Seams.NONE);
    }

    ApiFixture(DockerApi.Seams seams) throws Exception {
        directory = Files.createTempDirectory("starling-api");
        socket = directory.resolve("api.sock");
        volumes = new NamedVolumes(directory);
        api = new DockerApi(vertx, cluster, runtime, volumes, images, logs, () -> HOST, metrics, seams);
        await(api.listen(socket));
    }

    static <T> T await(Future<T> future) throws Exception {
        return future.toCompletionStage().toCompletableFuture().get(90, TimeUnit.SECONDS);
    }

    DockerApi another(Path place) throws Exception {
        DockerApi other = new DockerApi(vertx, cluster, runtime, volumes, images, logs, () -> HOST, null, DockerApi.Seams.NONE);
        await(other.listen(place));
        return other;
    }

    HttpClient http() {
        return new HttpClient(socket);
    }

    DockerCli docker() {
        return new DockerCli(socket, directory);
    }

    @Override
    public void close() throws Exception {
        await(api.close());
        await(vertx.close());
        try (var files = Files.walk(directory)) {
            files.sorted(java.util.Comparator.reverseOrder()).forEach(path -> {
                try {
                    Files.delete(path);
                } catch (IOException e) {
                    throw new java.io.UncheckedIOException(e);
                }
            });
        }
    }
}
