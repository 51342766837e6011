package dev.starling.runtime.image;

import com.fasterxml.jackson.databind.JsonNode;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.image.ImageArchive.Member;
import java.util.ArrayList;
import java.util.List;

/**
 * An image as an archive holds it, before any layer is unpacked.
 *
 * @param config  the config document; its digest is the image's id
 * @param layers  compressed or not, lowest first; as many as the config has diff ids
 * @param names   to be tagged with
 * @param digests of the manifests that led here, outermost first; empty for what docker save wrote, which has none
 */
record ArchivedImage(ConfigDocument config, List<Member> layers, List<RegistryReference> names, List<Digest> digests) {

    static final String DOCKER_MANIFEST = "manifest.json";

    ArchivedImage {
        if (layers.size() != config.diffIds().size()) {
            throw RuntimeShimException.invalid(ImageArchive.WHERE + ": image " + config.id().abbreviated() + " has " + layers.size()
                    + " layers, but its config lists " + config.diffIds().size());
        }
    }

    /** Docker's own format: {@code manifest.json} names config and layers, whatever the files are called. */
    static List<ArchivedImage> ofDockerSave(ImageArchive archive, ImageLimits limits) {
        List<ArchivedImage> images = new ArrayList<>();
        for (JsonNode manifest : archive.json(archive.member(DOCKER_MANIFEST))) {
            Member configMember = archive.member(manifest.path("Config").asText());
            String baseName = configMember.name().substring(configMember.name().lastIndexOf('/') + 1).replaceFirst("\\.json$", "");
            if (Digest.isHex(baseName)) {
                ImageArchive.verify(configMember, new Digest(baseName));
            }
            List<Member> layers = new ArrayList<>();
            for (JsonNode layer : manifest.path("Layers")) {
                layers.add(archive.member(layer.asText()));
            }
            List<RegistryReference> names = new ArrayList<>();
            for (JsonNode tag : manifest.path("RepoTags")) {
                names.add(RegistryReference.parse(tag.asText()));
            }
            images.add(new ArchivedImage(ConfigDocument.parse(archive.document(configMember), limits), layers, names, List.of()));
        }
        if (images.isEmpty()) {
            throw RuntimeShimException.invalid(ImageArchive.WHERE + ": " + DOCKER_MANIFEST + " lists no image");
        }
        return images;
    }
}
