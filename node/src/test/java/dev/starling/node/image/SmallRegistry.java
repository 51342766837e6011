package dev.starling.node.image;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.starling.runtime.image.Digest;
import dev.starling.runtime.image.LocalImageStore;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;

/** A registry of one image on loopback, which counts what it is asked for. Strict: what it has not got is a failure of the test's making, and a 404. */
final class SmallRegistry implements AutoCloseable {
    private final Map<String, byte[]> blobs = new TreeMap<>();
    private final Map<String, Integer> requests = new TreeMap<>();
    private final List<Integer> offsets = new ArrayList<>();
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final HttpServer server;
    private final Digest manifest;
    private final AtomicBoolean halted = new AtomicBoolean();
    private Digest halting;
    private Runnable halt = () -> { };
    private boolean wrong;

    SmallRegistry(LocalImageStore from, String image) throws IOException {
        ByteArrayOutputStream saved = new ByteArrayOutputStream();
        from.save(List.of(image), saved);
        byte[] index = null;
        try (TarArchiveInputStream tar = new TarArchiveInputStream(new ByteArrayInputStream(saved.toByteArray()))) {
            for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
                if (entry.getName().startsWith("blobs/sha256/") && !entry.isDirectory()) {
                    byte[] content = tar.readAllBytes();
                    blobs.put(Digest.of(content).toString(), content);
                } else if (entry.getName().equals("index.json")) {
                    index = tar.readAllBytes();
                }
            }
        }
        manifest = Digest.parse(new com.fasterxml.jackson.databind.ObjectMapper().readTree(index).path("manifests").path(0).path("digest").asText(), "index");
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", this::answer);
        server.setExecutor(threads);
        server.start();
    }

    /** The image as a service's spec has it. */
    String pinned() {
        return "127.0.0.1:" + server.getAddress().getPort() + "/app:1@" + manifest;
    }

    Digest largest() {
        return Digest.parse(blobs.entrySet().stream().max(Comparator.comparingInt(blob -> blob.getValue().length)).orElseThrow().getKey(), "test");
    }

    int size(Digest blob) {
        return blobs.get(blob.toString()).length;
    }

    /** Of the image and all that it consists of. */
    long bytes() {
        return blobs.values().stream().mapToLong(blob -> blob.length).sum();
    }

    /** In the middle of the first answer with this blob {@code what} is run. */
    void halfWay(Digest blob, Runnable what) {
        halting = blob;
        halt = what;
    }

    /** The first answer with this blob has a wrong second half. */
    void wrongOnce(Digest blob) {
        halting = blob;
        wrong = true;
    }

    /** How often each path was asked for. */
    Map<String, Integer> requests() {
        synchronized (requests) {
            return new TreeMap<>(requests);
        }
    }

    /** Of the requests that were not from the beginning. */
    List<Integer> offsets() {
        synchronized (requests) {
            return List.copyOf(offsets);
        }
    }

    private void answer(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        String range = exchange.getRequestHeaders().getFirst("Range");
        int offset = range == null ? 0 : Integer.parseInt(range.replaceAll("bytes=(\\d+)-", "$1"));
        synchronized (requests) {
            requests.merge(path, 1, Integer::sum);
            if (offset > 0) {
                offsets.add(offset);
            }
        }
        String digest = path.substring(path.lastIndexOf('/') + 1);
        byte[] blob = blobs.get(digest);
        try (exchange) {
            if (blob == null) {
                exchange.sendResponseHeaders(404, -1);
                return;
            }
            exchange.sendResponseHeaders(offset == 0 ? 200 : 206, blob.length - offset);
            OutputStream body = exchange.getResponseBody();
            int half = blob.length / 2;
            if (halting != null && digest.equals(halting.toString()) && halted.compareAndSet(false, true)) {
                body.write(blob, 0, half);
                body.flush();
                halt.run();
                body.write(wrong ? new byte[blob.length - half] : blob, wrong ? 0 : half, blob.length - half);
            } else {
                body.write(blob, offset, blob.length - offset);
            }
        }
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
