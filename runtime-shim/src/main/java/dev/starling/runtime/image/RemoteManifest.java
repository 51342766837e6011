package dev.starling.runtime.image;

import com.fasterxml.jackson.databind.JsonNode;
import dev.starling.runtime.RuntimeShimException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * An image's manifest as a source has it, found through at most {@link #NESTING_LIMIT} indexes, each of which has the digest it was asked for.
 *
 * <p>Source: OCI image-spec manifest.md and image-index.md; Docker's schema 2 has the same keys. Its schema 1 has no config and is refused.
 *
 * @param documents each document by its digest, outermost first; the last one is the manifest
 * @param platforms what an index offers, {@code linux/arm64/v8}; the manifest itself says none
 */
record RemoteManifest(Map<Digest, byte[]> documents, JsonNode manifest, List<MachinePlatform> platforms) {
    private static final int NESTING_LIMIT = 4;
    private static final int MANIFESTS_LIMIT = 1_000;

    /** @param size of the blob as it is downloaded */
    record Descriptor(Digest digest, long size, String mediaType) {}

    /** How a document is had whose digest is known: by {@code fetch}, or without, where somebody is at it. */
    interface Documents {
        byte[] get(Digest digest, Supplier<byte[]> fetch);
    }

    static RemoteManifest read(
            RegistryReference reference, List<ImageSource> sources, MachinePlatform machine, ImageLimits limits, Documents known) {
        Map<Digest, byte[]> documents = new LinkedHashMap<>();
        List<MachinePlatform> platforms = new ArrayList<>();
        RegistryReference at = reference;
        while (true) {
            RegistryReference wanted = at;
            byte[] content = at.digest().isEmpty() ? fetch(at, sources, limits)
                    : known.get(Digest.parse(at.digest(), "reference"), () -> fetch(wanted, sources, limits));
            Digest digest = Digest.of(content);
            documents.put(digest, content);
            JsonNode json = ImageArchive.json(content, "manifest of " + at);
            if (!json.path("manifests").isArray()) {
                if (!json.path("config").path("digest").isTextual()) {
                    throw RuntimeShimException.unsupported("manifest of " + at + " has no config: it is of schema 1, or no image");
                }
                return new RemoteManifest(documents, json, List.copyOf(platforms));
            }
            if (documents.size() > NESTING_LIMIT || json.path("manifests").size() > MANIFESTS_LIMIT) {
                throw RuntimeShimException.invalid("index of " + reference + " is nested more than " + NESTING_LIMIT + " deep or lists more than "
                        + MANIFESTS_LIMIT + " manifests");
            }
            List<JsonNode> offered = new ArrayList<>();
            json.path("manifests").forEach(entry -> offered.add(entry.path("platform")));
            if (documents.size() == 1) {
                offered.forEach(platform -> platforms.add(MachinePlatform.of(platform)));
            }
            JsonNode chosen = json.path("manifests").get(machine.choose(offered, reference.familiar()));
            Digest inner = Digest.parse(chosen.path("digest").asText(""), "index of " + reference);
            at = new RegistryReference(reference.host(), reference.repository(), "", inner.toString());
        }
    }

    /** By digest from whoever has it, by tag from the last source: only the registry knows what a tag stands for. */
    private static byte[] fetch(RegistryReference at, List<ImageSource> sources, ImageLimits limits) {
        RuntimeException last = RuntimeShimException.notFound("No such image: " + at.familiar());
        for (ImageSource source : at.digest().isEmpty() ? sources.subList(sources.size() - 1, sources.size()) : sources) {
            try {
                byte[] content = source.manifest(at);
                if (content.length > limits.documentBytes()) {
                    throw RuntimeShimException.invalid("manifest of " + at + " has more than " + limits.documentBytes() + " bytes");
                }
                if (!at.digest().isEmpty() && !Digest.of(content).toString().equals(at.digest())) {
                    throw RuntimeShimException.invalid("manifest of " + at + " has the digest " + Digest.of(content));
                }
                return content;
            } catch (IOException unreachable) {
                last = RuntimeShimException.system(unreachable.getMessage(), unreachable);
            } catch (RuntimeShimException refused) {
                last = refused;
            }
        }
        throw last;
    }

    /** What a registry's answer to a tag is pinned by. */
    Digest digest() {
        return documents.keySet().iterator().next();
    }

    Descriptor config() {
        return descriptor(manifest.path("config"));
    }

    List<Descriptor> layers(ImageLimits limits) {
        List<Descriptor> layers = new ArrayList<>();
        for (JsonNode layer : manifest.path("layers")) {
            Descriptor descriptor = descriptor(layer);
            if (descriptor.size() > limits.layerBytes()) {
                throw RuntimeShimException.invalid("layer " + descriptor.digest().abbreviated() + " has " + descriptor.size() + " bytes; "
                        + limits.layerBytes() + " are allowed");
            }
            layers.add(descriptor);
        }
        if (layers.size() > limits.layers()) {
            throw RuntimeShimException.invalid("manifest has " + layers.size() + " layers; " + limits.layers() + " are allowed");
        }
        return layers;
    }

    private static Descriptor descriptor(JsonNode json) {
        long size = json.path("size").asLong(-1);
        if (size < 0) {
            throw RuntimeShimException.invalid("a descriptor of the manifest has no size");
        }
        return new Descriptor(Digest.parse(json.path("digest").asText(""), "manifest"), size, json.path("mediaType").asText(""));
    }

    /** Digests of the layers that a kept manifest names; none for an index. */
    static List<Digest> layersOf(byte[] document) {
        List<Digest> layers = new ArrayList<>();
        ImageArchive.json(document, "kept manifest").path("layers")
                .forEach(layer -> layers.add(Digest.parse(layer.path("digest").asText(""), "kept manifest")));
        return layers;
    }
}
