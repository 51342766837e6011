package dev.starling.runtime.image;

import com.fasterxml.jackson.databind.JsonNode;
import dev.starling.runtime.HealthCheck;
import dev.starling.runtime.RuntimeShimException;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * An image's config: the JSON document whose digest is the image's id. Kept byte for byte, read into {@link Image}.
 *
 * <p>Source: OCI image-spec config.md; Docker writes the same keys.
 *
 * @param diffIds digests of the uncompressed layers, lowest first
 */
record ConfigDocument(
        Digest id, byte[] content, Instant created, String os, String architecture, String variant, List<Digest> diffIds, Image.Config config) {

    static ConfigDocument parse(byte[] content, ImageLimits limits) {
        Digest id = Digest.of(content);
        String where = "config of image " + id.abbreviated();
        JsonNode json = ImageArchive.json(content, where);
        if (!json.isObject()) {
            throw RuntimeShimException.invalid(where + " is no JSON object");
        }
        List<Digest> diffIds = new ArrayList<>();
        for (JsonNode diffId : json.path("rootfs").path("diff_ids")) {
            diffIds.add(Digest.parse(diffId.asText(), where));
        }
        if (diffIds.size() > limits.layers()) {
            throw RuntimeShimException.invalid(where + " has " + diffIds.size() + " layers; " + limits.layers() + " are allowed");
        }
        JsonNode config = json.path("config");
        Map<String, String> labels = new TreeMap<>();
        config.path("Labels").properties().forEach(label -> labels.put(label.getKey(), label.getValue().asText()));
        return new ConfigDocument(
                id, content, created(json.path("created").asText("")), json.path("os").asText(""), json.path("architecture").asText(""),
                json.path("variant").asText(""), List.copyOf(diffIds),
                new Image.Config(
                        texts(config.path("Entrypoint")), texts(config.path("Cmd")), texts(config.path("Env")),
                        config.path("WorkingDir").asText(""), config.path("User").asText(""), config.path("StopSignal").asText(""),
                        Map.copyOf(labels), keys(config.path("ExposedPorts")), keys(config.path("Volumes")), health(config.path("Healthcheck"))));
    }

    /** Docker's addition to the OCI config; durations in nanoseconds. */
    private static HealthCheck health(JsonNode json) {
        return new HealthCheck(
                texts(json.path("Test")), millis(json.path("Interval")), millis(json.path("Timeout")), millis(json.path("StartPeriod")),
                millis(json.path("StartInterval")), Math.max(0, json.path("Retries").asInt(0)));
    }

    private static long millis(JsonNode nanos) {
        return Math.max(0, nanos.asLong(0) / 1_000_000);
    }

    private static List<String> texts(JsonNode array) {
        List<String> texts = new ArrayList<>();
        array.forEach(element -> texts.add(element.asText()));
        return List.copyOf(texts);
    }

    private static List<String> keys(JsonNode object) {
        List<String> keys = new ArrayList<>();
        object.fieldNames().forEachRemaining(keys::add);
        return List.copyOf(keys);
    }

    /** Reproducible builds leave it out; then it is 1970, as Docker shows it. */
    static Instant created(String text) {
        try {
            return text.isEmpty() ? Instant.EPOCH : OffsetDateTime.parse(text).toInstant();
        } catch (DateTimeException malformed) {
            return Instant.EPOCH;
        }
    }

    Image image(List<String> tags, List<String> digests, long size) {
        return new Image(
                id.toString(), tags, digests, created, os, architecture, variant,
                diffIds.stream().map(Digest::toString).toList(), size, config);
    }
}
