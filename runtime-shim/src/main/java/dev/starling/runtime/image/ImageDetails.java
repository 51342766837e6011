package dev.starling.runtime.image;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/**
 * What an image's config tells of how it was made, for people to read. Nothing acts on it.
 *
 * @param history lowest step first; empty where the builder wrote none
 */
public record ImageDetails(String author, String comment, String dockerVersion, List<Step> history) {
    public static final ImageDetails NONE = new ImageDetails("", "", "", List.of());
    /** Dockerfiles have some dozen steps; what a document of a few megabytes could list would be no history. */
    private static final int MOST_STEPS = 1_000;

    /**
     * A step of the build.
     *
     * @param size bytes of the layer that it made; 0 where it made none
     */
    public record Step(Instant created, String createdBy, String comment, long size) {}

    /** @param layerSizes of the image's layers, lowest first */
    static ImageDetails of(byte[] config, List<Long> layerSizes) {
        JsonNode json = ImageArchive.json(config, "config");
        List<Step> steps = new ArrayList<>();
        int layer = 0;
        for (JsonNode step : json.path("history")) {
            boolean empty = step.path("empty_layer").asBoolean(false) || layer >= layerSizes.size();
            steps.add(new Step(ConfigDocument.created(step.path("created").asText("")), step.path("created_by").asText(""), step.path("comment").asText(""),
                    empty ? 0 : layerSizes.get(layer++)));
            if (steps.size() == MOST_STEPS) {
                break;
            }
        }
        String comment = steps.isEmpty() ? "" : steps.get(steps.size() - 1).comment();
        return new ImageDetails(json.path("author").asText(""), json.path("comment").asText(comment), json.path("docker_version").asText(""), List.copyOf(steps));
    }
}
