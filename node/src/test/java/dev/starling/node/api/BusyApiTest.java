package dev.starling.node.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.http.HttpServer;
import io.vertx.core.net.NetSocket;
import io.vertx.core.net.SocketAddress;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Clients that stand still, go away or come again: what they have taken is given back, and the others do not wait for them. */
@Timeout(300)
final class BusyApiTest {
    private static final String UPLOAD = "POST /images/load HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\nabcdef";
    private static final String UPGRADE = "POST /exec/x/start HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n";
    /** More than the API has threads. */
    private static final int UPLOADS = 24;

    private ApiFixture api;
    private HttpClient http;

    @BeforeEach
    void open() throws Exception {
        api = new ApiFixture();
        http = api.http();
    }

    @AfterEach
    void close() throws Exception {
        api.close();
    }

    private static SocketChannel send(Path socket, String request) throws IOException {
        SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
        channel.connect(UnixDomainSocketAddress.of(socket));
        channel.write(ByteBuffer.wrap(request.getBytes(StandardCharsets.US_ASCII)));
        return channel;
    }

    private static void await(BooleanSupplier condition, String what) throws InterruptedException {
        for (long end = System.nanoTime() + Duration.ofSeconds(90).toNanos(); !condition.getAsBoolean(); Thread.sleep(5)) {
            assertTrue(System.nanoTime() < end, what + " did not come within 90 s");
        }
    }

    @Test
    void nobodyWaitsBehindUploadsThatStandStill() throws Exception {
        List<SocketChannel> clients = new ArrayList<>();
        try {
            for (int i = 0; i < UPLOADS; i++) {
                clients.add(send(api.socket, UPLOAD));
            }
            await(() -> api.images.loading.get() >= 3, "the first uploads");
            assertEquals(200, http.get("/version").status());
            HttpClient.Answer answer = http.post("/images/load", "some archive");
            assertEquals("503 this node is loading 3 archives of images already", answer.status() + " " + answer.message());
        } finally {
            for (SocketChannel client : clients) {
                client.close();
            }
        }
        await(() -> {
            try {
                return http.post("/images/load", "some archive").status() == 200;
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        }, "room for another upload");
    }

    @Test
    void processesThatCouldNotBeStartedDoNotCountAsRunning() throws Exception {
        api.runtime.add("c1", "web.1", Map.of(), List.of("sh"));
        for (int i = 0; i < ExecTable.MAX_RUNNING; i++) {
            assertEquals(500, start("threadless").status());
        }
        assertEquals(200, start("leave").status());
    }

    private HttpClient.Answer start(String command) throws IOException {
        String id = http.post("/containers/c1/exec", "{\"Cmd\": [\"" + command + "\", \"0\"]}").json().path("Id").asText();
        return http.post("/exec/" + id + "/start", "{\"Detach\": true}");
    }

    @Test
    void aLogGoesOnBehindWhatCannotBeReadOfIt() throws Exception {
        http.post("/services/create", "{\"Name\": \"web\", \"TaskTemplate\": {\"ContainerSpec\": {\"Image\": \"busybox\"}}, \"Mode\": {\"Replicated\": {}}}");
        await(() -> {
            api.cluster.snapshot();
            return api.cluster.tasks().stream().anyMatch(task -> task.state() == TaskState.RUNNING);
        }, "its task");
        Task task = api.cluster.tasks().get(0);
        api.logs.add(task.id(), 1, "before");
        for (int i = 0; i < 7; i++) {
            api.logs.addTorn(task.id());
        }
        api.logs.add(task.id(), 1, "behind");
        String text = http.get("/services/web/logs?stdout=1").text();
        assertTrue(text.contains("before") && text.contains("behind"), text);
    }

    /** Else the process, whose output nobody takes, would wait for its reader for ever. */
    @Test
    void aConnectionThatIsGoneByTheTimeOfItsUpgradeIsToldSo(@TempDir Path directory) throws Exception {
        Vertx vertx = Vertx.vertx(new VertxOptions().setPreferNativeTransport(true));
        try {
            Path socket = directory.resolve("s");
            CompletableFuture<Void> came = new CompletableFuture<>();
            CompletableFuture<Future<NetSocket>> upgraded = new CompletableFuture<>();
            HttpServer server = vertx.createHttpServer().requestHandler(request -> {
                request.connection().closeHandler(gone -> vertx.runOnContext(later -> vertx.runOnContext(laterStill -> {
                    try {
                        upgraded.complete(ConnectionUpgrade.upgrade(request, "application/vnd.docker.raw-stream"));
                    } catch (RuntimeException e) {
                        upgraded.completeExceptionally(e);
                    }
                })));
                came.complete(null);
            });
            ApiFixture.await(server.listen(SocketAddress.domainSocketAddress(socket.toString())));
            try (SocketChannel client = send(socket, UPGRADE)) {
                came.get(90, TimeUnit.SECONDS);
            }
            Future<NetSocket> socketOfNobody = upgraded.get(90, TimeUnit.SECONDS);
            assertThrows(ExecutionException.class, () -> ApiFixture.await(socketOfNobody));
        } finally {
            ApiFixture.await(vertx.close());
        }
    }
}
