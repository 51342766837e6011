package dev.starling.node.api;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.runtime.image.Digest;
import dev.starling.runtime.image.Image;
import dev.starling.runtime.image.ImageStore;
import dev.starling.runtime.image.PullProgress;
import dev.starling.runtime.image.RegistryReference;
import dev.starling.runtime.image.RegistryCredentials;
import io.vertx.core.Context;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerResponse;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/**
 * {@code POST /images/create?fromImage=..}: a pull, told line by line as {@code docker pull} shows it. Nothing is written before the registry
 * has answered, so that what it refuses has a status of its own. A client that went away does not end the pull: others may wait for it.
 */
final class PullStream implements PullProgress {
    private static final long LAYER_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

    private final Context context;
    private final HttpServerResponse response;
    private final RegistryReference reference;
    private final Map<Digest, Long> lastTold = new ConcurrentHashMap<>();
    private volatile boolean begun;

    PullStream(Context context, HttpServerResponse response, RegistryReference reference) {
        this.context = context;
        this.response = response;
        this.reference = reference;
    }

    /** Blocks until the image is here; whatever goes wrong before the first line is thrown. */
    void run(ImageStore images, RegistryCredentials credentials) {
        Image before = images.find(reference.familiar());
        Image image;
        try {
            image = images.pull(reference.familiar(), credentials, this);
        } catch (RuntimeException failure) {
            if (!begun) {
                throw failure;
            }
            String message = Replies.of(failure).body().path("message").asText();
            ObjectNode line = Json.object();
            line.putObject("errorDetail").put("message", message);
            end(line.put("error", message));
            return;
        }
        begin();
        String name = reference.familiarName() + "@";
        image.digests().stream().filter(digest -> digest.startsWith(name)).findFirst()
                .ifPresent(digest -> write(Json.object().put("status", "Digest: " + digest.substring(name.length()))));
        end(Json.object().put("status", before != null && before.id().equals(image.id())
                ? "Status: Image is up to date for " + reference.familiar() : "Status: Downloaded newer image for " + reference.familiar()));
    }

    @Override
    public void at(Digest layer, Step step, long current, long total) {
        begin();
        long now = System.nanoTime();
        Long told = lastTold.get(layer);
        if (step == Step.DOWNLOADING && told != null && now - told < LAYER_NANOS) {
            return;
        }
        lastTold.put(layer, now);
        ObjectNode line = Json.object().put("status", step.words());
        ObjectNode detail = line.putObject("progressDetail");
        if (step == Step.DOWNLOADING) {
            detail.put("current", current).put("total", total);
        }
        write(line.put("id", layer.hex().substring(0, 12)));
    }

    private synchronized void begin() {
        if (!begun) {
            begun = true;
            write(Json.object().put("status", "Pulling from " + reference.repository())
                    .put("id", reference.digest().isEmpty() ? reference.tag() : reference.digest()));
        }
    }

    private void write(ObjectNode line) {
        context.runOnContext(now -> {
            if (!response.ended() && !response.closed()) {
                head();
                response.write(Buffer.buffer(line + "\r\n"));
            }
        });
    }

    private void end(ObjectNode line) {
        context.runOnContext(now -> {
            if (!response.ended() && !response.closed()) {
                head();
                response.end(Buffer.buffer(line + "\r\n"));
            }
        });
    }

    private void head() {
        if (!response.headWritten()) {
            response.setChunked(true).putHeader("Content-Type", "application/json");
        }
    }
}
