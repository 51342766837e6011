package dev.starling.node.api;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.runtime.ContainerRuntime;
import dev.starling.runtime.image.Image;
import dev.starling.runtime.image.ImageStore;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpMethod;
import io.vertx.ext.web.RoutingContext;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.regex.Pattern;

/** {@code /images} and {@code /distribution}: the images of this node. */
final class ImageRoutes {
    private final Vertx vertx;
    private final ImageStore images;
    private final ContainerRuntime runtime;

    ImageRoutes(Vertx vertx, ImageStore images, ContainerRuntime runtime) {
        this.vertx = vertx;
        this.images = images;
        this.runtime = runtime;
    }

    /** To be added before the handler that gathers bodies: an archive is read as it comes in, however long it is. */
    void addStreamsTo(Endpoints endpoints) {
        endpoints.stream(HttpMethod.POST, "/images/load", this::load);
    }

    void addTo(Endpoints endpoints) {
        endpoints.get("/images/json", this::list);
        endpoints.get("/images/{name...}/json", call -> Reply.json(ImageJson.detail(find(call.path("name")))));
        endpoints.post("/images/{name...}/tag", this::tag);
        endpoints.delete("/images/{name...}", this::remove);
        endpoints.get("/distribution/{name...}/json", this::distribution);
    }

    private Reply list(Call call) {
        Filters filters = call.filters("reference", "label", "dangling");
        ArrayNode result = Json.array();
        for (Image image : images.list()) {
            if (filters.any("reference", wanted -> matches(image, wanted)) && filters.labels("label", image.config().labels())
                    && filters.any("dangling", wanted -> (wanted.equals("true") || wanted.equals("1")) == image.tags().isEmpty())) {
                result.add(ImageJson.summary(image, -1));
            }
        }
        return Reply.json(result);
    }

    private void load(RoutingContext context) {
        RequestBodyStream archive = new RequestBodyStream(vertx.getOrCreateContext(), context.request());
        vertx.executeBlocking(() -> {
            List<String> lines = images.load(archive);
            archive.drain();
            return lines;
        }, false).onComplete(lines -> {
            StringBuilder body = new StringBuilder();
            lines.forEach(line -> body.append(Json.object().put("stream", line + "\n")).append("\r\n"));
            context.response().putHeader("Content-Type", "application/json").end(Buffer.buffer(body.toString()));
        }, error -> {
            archive.close();
            Replies.send(context, Replies.of(error));
        });
    }

    private CompletionStage<Reply> tag(Call call) {
        Image image = find(call.path("name"));
        String repository = call.query("repo", "");
        if (repository.isEmpty()) {
            throw ApiException.badRequest("repo: a repository is needed");
        }
        images.tag(image.id(), repository + ":" + call.query("tag", "latest"));
        return CompletableFuture.completedFuture(Reply.created(null));
    }

    private CompletionStage<Reply> remove(Call call) {
        String reference = call.path("name");
        Image image = find(reference);
        boolean force = call.flag("force");
        boolean last = image.tags().size() <= 1 || image.id().startsWith(reference) || image.id().startsWith("sha256:" + reference);
        if (last && !force) {
            runtime.list().stream().filter(container -> image.equals(images.find(container.spec().image()))).findFirst().ifPresent(user -> {
                throw ApiException.conflict("conflict: unable to remove repository reference \"" + reference + "\" (must force) - container "
                        + user.id().substring(0, 12) + " is using its referenced image " + image.id().substring(7, 19));
            });
        }
        return CompletableFuture.completedFuture(Reply.json(ImageJson.removed(images.remove(reference, force))));
    }

    /**
     * Which digest and platform a reference stands for. Only the local store is asked: where it does not know, this fails, and the CLI warns
     * that the image is not pinned.
     */
    private Reply distribution(Call call) {
        String name = call.path("name");
        Image image = images.find(name);
        if (image == null || image.digests().isEmpty()) {
            throw ApiException.notFound("no digest of " + name + " is known here, and registries are not asked yet");
        }
        String digest = image.digests().get(0);
        ObjectNode json = Json.object();
        json.putObject("Descriptor").put("MediaType", "application/vnd.oci.image.manifest.v1+json")
                .put("Digest", digest.substring(digest.indexOf('@') + 1));
        json.putArray("Platforms").addObject().put("architecture", image.architecture()).put("os", image.os());
        return Reply.json(json);
    }

    private Image find(String reference) {
        Image image = images.find(reference);
        if (image == null) {
            throw ApiException.notFound("No such image: " + reference);
        }
        return image;
    }

    /** {@code busybox}, {@code busybox:2}, or with stars. */
    private static boolean matches(Image image, String wanted) {
        String pattern = Pattern.quote(wanted).replace("*", "\\E[^/]*\\Q");
        return image.tags().stream().anyMatch(tag -> tag.matches(pattern) || tag.substring(0, tag.lastIndexOf(':')).matches(pattern));
    }
}
