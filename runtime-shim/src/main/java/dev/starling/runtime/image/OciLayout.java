package dev.starling.runtime.image;

import com.fasterxml.jackson.databind.JsonNode;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.image.ImageArchive.Member;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads an archive in the OCI image layout: {@code index.json} lists manifests or further indexes, all by digest below blobs/. Of entries
 * that are one image for several platforms the one for this machine is taken.
 *
 * <p>Source: OCI image-spec, image-layout.md, image-index.md and manifest.md. The annotation with the full name is containerd's.
 */
final class OciLayout {
    static final String INDEX = "index.json";
    private static final int NESTING_LIMIT = 4;
    private static final int MANIFESTS_LIMIT = 1_000;

    private final ImageArchive archive;
    private final ImageLimits limits;
    private final MachinePlatform machine;

    /** A manifest that an index offers, with the digests that led to it. */
    private record Candidate(Digest digest, JsonNode platform, List<Digest> path) {}

    private OciLayout(ImageArchive archive, ImageLimits limits, MachinePlatform machine) {
        this.archive = archive;
        this.limits = limits;
        this.machine = machine;
    }

    static List<ArchivedImage> images(ImageArchive archive, ImageLimits limits, MachinePlatform machine) {
        return new OciLayout(archive, limits, machine).images();
    }

    private List<ArchivedImage> images() {
        // one name, several platforms: one image. Unnamed entries are one image only where they say for which platform they are.
        Map<String, List<Candidate>> byName = new LinkedHashMap<>();
        int unnamed = 0;
        for (JsonNode descriptor : manifests(archive.json(archive.member(INDEX)))) {
            String name = name(descriptor);
            String key = !name.isEmpty() || descriptor.has("platform") ? name : " " + unnamed++;
            collect(descriptor, List.of(), byName.computeIfAbsent(key, unknown -> new ArrayList<>()));
        }
        List<ArchivedImage> images = new ArrayList<>();
        byName.forEach((name, candidates) -> {
            List<RegistryReference> names = name.isBlank() ? List.of() : List.of(RegistryReference.parse(name));
            images.add(image(choose(name, candidates), names));
        });
        if (images.isEmpty()) {
            throw RuntimeShimException.invalid(ImageArchive.WHERE + ": " + INDEX + " lists no image");
        }
        return images;
    }

    /** A bare tag ("latest"), as some tools write it, names no repository, so it names nothing. */
    private static String name(JsonNode descriptor) {
        JsonNode annotations = descriptor.path("annotations");
        String full = annotations.path("io.containerd.image.name").asText("");
        String reference = annotations.path("org.opencontainers.image.ref.name").asText("");
        return !full.isEmpty() ? full : reference.indexOf(':') >= 0 || reference.indexOf('/') >= 0 ? reference : "";
    }

    private void collect(JsonNode descriptor, List<Digest> outer, List<Candidate> candidates) {
        Digest digest = digest(descriptor);
        List<Digest> path = new ArrayList<>(outer);
        path.add(digest);
        if (path.size() > NESTING_LIMIT) {
            throw invalid("has indexes nested more than " + NESTING_LIMIT + " deep");
        }
        if (candidates.size() >= MANIFESTS_LIMIT) {
            throw invalid("lists more than " + MANIFESTS_LIMIT + " manifests for one image");
        }
        String mediaType = descriptor.path("mediaType").asText("");
        if (!mediaType.contains("image.index") && !mediaType.contains("manifest.list")) {
            candidates.add(new Candidate(digest, descriptor.path("platform"), path));
            return;
        }
        for (JsonNode inner : manifests(archive.json(blob(descriptor)))) {
            collect(inner, path, candidates);
        }
    }

    private Candidate choose(String name, List<Candidate> candidates) {
        return candidates.get(machine.choose(candidates.stream().map(Candidate::platform).toList(),
                ImageArchive.WHERE + ": " + (name.isBlank() ? "its image" : name)));
    }

    private ArchivedImage image(Candidate candidate, List<RegistryReference> names) {
        JsonNode manifest = archive.json(archive.blob(candidate.digest));
        JsonNode config = manifest.path("config");
        String mediaType = config.path("mediaType").asText("");
        if (!mediaType.contains("image.config") && !mediaType.contains("container.image")) {
            throw RuntimeShimException.unsupported(
                    ImageArchive.WHERE + ": " + candidate.digest + " is an artifact of type '" + mediaType + "' and no image");
        }
        List<Member> layers = new ArrayList<>();
        for (JsonNode layer : manifest.path("layers")) {
            layers.add(blob(layer));
        }
        return new ArchivedImage(ConfigDocument.parse(archive.document(blob(config)), limits), layers, names, candidate.path);
    }

    private Member blob(JsonNode descriptor) {
        Member member = archive.blob(digest(descriptor));
        if (descriptor.has("size") && descriptor.path("size").asLong() != member.size()) {
            throw invalid(member.name() + " has " + member.size() + " bytes instead of " + descriptor.path("size").asText());
        }
        return member;
    }

    private static JsonNode manifests(JsonNode index) {
        return index.path("manifests");
    }

    private static Digest digest(JsonNode descriptor) {
        return Digest.parse(descriptor.path("digest").asText(""), ImageArchive.WHERE + ": a descriptor");
    }

    private static RuntimeShimException invalid(String what) {
        return RuntimeShimException.invalid(ImageArchive.WHERE + ": " + what);
    }
}
