package dev.starling.runtime.image;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;

/** A registry on loopback whose faults are chosen: connections that break, wrong bytes, tokens. Answers ranges as a real one does. */
final class FakeRegistry implements AutoCloseable {
    static final String USER = "Basic " + Base64.getEncoder().encodeToString("edge:s3cret".getBytes(StandardCharsets.UTF_8));
    private static final String TOKEN = "t0ken";

    final Map<String, byte[]> manifests = new ConcurrentHashMap<>();
    final Map<String, byte[]> blobs = new ConcurrentHashMap<>();
    final List<String> requests = Collections.synchronizedList(new ArrayList<>());
    /** How many answers with a blob of more than {@link #breakAfter} bytes break off after those. */
    final AtomicInteger breaks = new AtomicInteger();
    volatile int breakAfter;
    volatile boolean wantsToken;
    volatile boolean tokenOnlyForUser;
    volatile boolean wantsBasic;
    /** Where set, a token is only for who posts this one. */
    volatile String identityToken;
    volatile long blobMillis;
    /** Who asks for such a blob waits for its latch. */
    final Map<String, CountDownLatch> held = new ConcurrentHashMap<>();
    private final HttpServer server;
    private final ExecutorService threads = Executors.newCachedThreadPool();

    FakeRegistry() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", this::answer);
        server.setExecutor(threads);
        server.start();
    }

    String host() {
        return "127.0.0.1:" + server.getAddress().getPort();
    }

    /** @return the digest by which it is known */
    String manifest(String name, String tag, byte[] content) {
        manifests.put(name + "/" + tag, content);
        manifests.put(name + "/" + Digest.of(content), content);
        return Digest.of(content).toString();
    }

    String blob(byte[] content) {
        blobs.put(Digest.of(content).toString(), content);
        return Digest.of(content).toString();
    }

    /** An image of layers that it compresses. @return its digest */
    String image(String name, String tag, byte[]... layers) {
        StringBuilder descriptors = new StringBuilder();
        for (byte[] layer : layers) {
            byte[] packed = Archives.gzip(layer);
            descriptors.append(descriptors.length() == 0 ? "" : ",").append(descriptor("application/vnd.oci.image.layer.v1.tar+gzip", packed));
        }
        byte[] config = Archives.config("amd64", layers);
        return manifest(name, tag, Archives.bytes("{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"config\":"
                + descriptor("application/vnd.oci.image.config.v1+json", config) + ",\"layers\":[" + descriptors + "]}"));
    }

    private String descriptor(String mediaType, byte[] content) {
        return "{\"mediaType\":\"" + mediaType + "\",\"digest\":\"" + blob(content) + "\",\"size\":" + content.length + "}";
    }

    private void answer(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        String range = exchange.getRequestHeaders().getFirst("Range");
        String authorization = exchange.getRequestHeaders().getFirst("Authorization");
        requests.add(path + (range == null ? "" : " " + range));
        try (exchange) {
            if (path.equals("/token")) {
                if (identityToken != null) {
                    String form = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
                    boolean known = exchange.getRequestMethod().equals("POST") && List.of(form.split("&")).containsAll(List.of(
                            "grant_type=refresh_token", "refresh_token=" + identityToken, "service=reg%2C+istry", "scope=repository%3Aapp%3Apull"));
                    send(exchange, known ? "{\"access_token\":\"%s\"}".formatted(TOKEN).getBytes(StandardCharsets.UTF_8) : new byte[] {'{', '}'}, 0);
                } else if (tokenOnlyForUser && !USER.equals(authorization)) {
                    exchange.sendResponseHeaders(401, -1);
                } else {
                    send(exchange, ("{\"token\":\"" + TOKEN + "\"}").getBytes(StandardCharsets.UTF_8), 0);
                }
            } else if (wantsToken && !("Bearer " + TOKEN).equals(authorization)) {
                exchange.getResponseHeaders().set("WWW-Authenticate",
                        "Bearer scope=\"repository:app:pull\",service=\"reg, istry\",realm=\"http://" + host() + "/token\"");
                exchange.sendResponseHeaders(401, -1);
            } else if (wantsBasic && !USER.equals(authorization)) {
                exchange.getResponseHeaders().set("WWW-Authenticate", "Basic realm=\"here\"");
                exchange.sendResponseHeaders(401, -1);
            } else if (path.contains("/manifests/")) {
                byte[] manifest = manifests.get(path.substring("/v2/".length()).replace("/manifests/", "/"));
                if (manifest == null) {
                    exchange.sendResponseHeaders(404, -1);
                } else {
                    send(exchange, manifest, 0);
                }
            } else {
                blob(exchange, path.substring(path.lastIndexOf('/') + 1), range);
            }
        }
    }

    private void blob(HttpExchange exchange, String digest, String range) throws IOException {
        byte[] blob = blobs.get(digest);
        if (blob == null) {
            exchange.sendResponseHeaders(404, -1);
            return;
        }
        try {
            Thread.sleep(blobMillis);
            held.getOrDefault(digest, new CountDownLatch(0)).await();
        } catch (InterruptedException end) {
            Thread.currentThread().interrupt();
        }
        int offset = range == null ? 0 : Integer.parseInt(range.replaceAll("bytes=(\\d+)-", "$1"));
        if (breakAfter > 0 && blob.length - offset > breakAfter && breaks.getAndUpdate(left -> Math.max(0, left - 1)) > 0) {
            exchange.sendResponseHeaders(range == null ? 200 : 206, blob.length - offset);
            OutputStream body = exchange.getResponseBody();
            body.write(blob, offset, breakAfter);
            body.flush();
            throw new IOException("broken off, as wanted");
        }
        send(exchange, blob, offset);
    }

    private static void send(HttpExchange exchange, byte[] content, int offset) throws IOException {
        exchange.sendResponseHeaders(offset == 0 ? 200 : 206, content.length == offset ? -1 : content.length - offset);
        exchange.getResponseBody().write(content, offset, content.length - offset);
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
