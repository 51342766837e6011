package dev.starling.node.api;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.runtime.ContainerRuntime;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.image.Digest;
import dev.starling.runtime.image.Image;
import dev.starling.runtime.image.ImageStore;
import dev.starling.runtime.image.MachinePlatform;
import dev.starling.runtime.image.RegistryReference;
import dev.starling.runtime.image.RemoteImage;
import dev.starling.runtime.image.RegistryCredentials;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.regex.Pattern;

/** {@code /images} and {@code /distribution}: which images this node has, and their names. Their bytes come and go in {@link ImageTransferRoutes}. */
final class ImageRoutes {
    private final ImageStore images;
    private final ContainerRuntime runtime;

    ImageRoutes(ImageStore images, ContainerRuntime runtime) {
        this.images = images;
        this.runtime = runtime;
    }

    void addTo(Endpoints endpoints) {
        endpoints.get("/images/json", this::list);
        endpoints.get("/images/{name...}/json", this::inspect);
        endpoints.get("/images/{name...}/history", this::history);
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

    private Reply inspect(Call call) {
        Image image = find(call.path("name"));
        return Reply.json(ImageJson.detail(image, images.details(image)));
    }

    private Reply history(Call call) {
        Image image = find(call.path("name"));
        return Reply.json(ImageJson.history(image, images.details(image)));
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
     * Which digest and platform a reference stands for, so that the CLI pins a service to it. An image that was loaded here by hand is meant as it
     * is, whatever a registry has under that name: it is not pinned. Where the registry cannot be reached, what was pulled from it counts.
     * If this fails the CLI warns that the image is not pinned.
     */
    private Reply distribution(Call call) {
        String name = call.path("name");
        Image here = images.find(name);
        if (here != null && here.digests().isEmpty()) {
            throw ApiException.notFound("image " + name + " was loaded by hand: no registry's digest of it is known");
        }
        RegistryReference reference = RegistryReference.parse(name);
        RemoteImage remote;
        try {
            remote = images.resolve(name, RegistryCredentials.ofHeader(call.header("X-Registry-Auth")));
        } catch (RuntimeShimException failure) {
            String known = here == null || failure.kind() == RuntimeShimException.Kind.NOT_FOUND ? null : digestOf(here, reference);
            if (known == null) {
                throw failure;
            }
            remote = new RemoteImage(Digest.parse(known, name), "", 0, List.of());
        }
        ObjectNode json = Json.object();
        json.putObject("Descriptor").put("mediaType", remote.mediaType()).put("digest", remote.digest().toString()).put("size", remote.size());
        ArrayNode platforms = json.putArray("Platforms");
        for (MachinePlatform platform : remote.platforms()) {
            ObjectNode entry = platforms.addObject().put("architecture", platform.architecture()).put("os", platform.os());
            if (!platform.variant().isEmpty()) {
                entry.put("variant", platform.variant());
            }
        }
        return Reply.json(json);
    }

    /** Null where it came from elsewhere. */
    private static String digestOf(Image image, RegistryReference reference) {
        String prefix = reference.familiarName() + "@";
        return image.digests().stream().filter(digest -> digest.startsWith(prefix)).map(digest -> digest.substring(prefix.length()))
                .findFirst().orElse(null);
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
