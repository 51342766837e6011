package dev.starling.runtime.image;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.runtime.RuntimeShimException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;

/**
 * Writes images as {@code docker save} does since Docker 25: an OCI layout, and {@code manifest.json} beside it for older readers.
 *
 * <pre>
 * blobs/sha256/HEX   layers, configs, manifests
 * index.json         a descriptor for each name of each image
 * manifest.json      [{"Config":"blobs/..","RepoTags":[..],"Layers":["blobs/..",..]}]
 * oci-layout
 * </pre>
 *
 * Of an image that was pulled the manifest and the compressed layers are written as they came, so that its digest stays; of one that was
 * loaded, whose archive was not kept, the layers' tars are put together again ({@link LayerRecipe}) and a manifest is made for them.
 *
 * <p>Source: OCI image-spec, image-layout.md and manifest.md; for manifest.json moby's image/tarexport.
 */
final class ImageExport {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json";

    /** @param tags of the image that the archive is to have, familiar; none where it was asked for by id */
    record Selection(Image image, List<String> tags) {}

    private interface Content {
        void writeTo(OutputStream out) throws IOException;
    }

    private record Blob(long size, Content content) {}

    private final BlobStore blobs;
    private final LayerStore layers;
    private final Map<Digest, Blob> entries = new LinkedHashMap<>();
    private final ArrayNode index = JSON.createArrayNode();
    private final ArrayNode dockerManifest = JSON.createArrayNode();

    private ImageExport(BlobStore blobs, LayerStore layers) {
        this.blobs = blobs;
        this.layers = layers;
    }

    /**
     * Finds out whether all of it can be written, and returns what writes it.
     *
     * @throws RuntimeShimException CONFLICT where a layer cannot be given away
     */
    static ImageExport of(List<Selection> selections, BlobStore blobs, LayerStore layers) {
        ImageExport export = new ImageExport(blobs, layers);
        selections.forEach(export::add);
        return export;
    }

    private void add(Selection selection) {
        Image image = selection.image();
        Digest config = Digest.parse(image.id(), "catalog");
        addDocument(config, blobs.read(config));
        Digest manifest = keptManifest(image, config);
        List<Digest> parts;
        byte[] document;
        if (manifest != null) {
            document = blobs.read(manifest);
            parts = RemoteManifest.layersOf(document);
            parts.forEach(layer -> entries.putIfAbsent(layer, new Blob(blobs.size(layer), out -> Files.copy(blobs.path(layer), out))));
        } else {
            parts = image.layers().stream().map(layer -> Digest.parse(layer, "catalog")).toList();
            parts.forEach(diffId -> entries.putIfAbsent(diffId, new Blob(tarSize(image, diffId), out -> layers.writeTar(diffId, out))));
            document = manifest(config, parts);
            manifest = Digest.of(document);
        }
        addDocument(manifest, document);
        ObjectNode docker = dockerManifest.addObject().put("Config", path(config));
        selection.tags().forEach(docker.putArray("RepoTags")::add);
        ArrayNode paths = docker.putArray("Layers");
        parts.forEach(layer -> paths.add(path(layer)));
        if (selection.tags().isEmpty()) {
            describe(manifest, document, image);
        }
        for (String tag : selection.tags()) {
            RegistryReference name = RegistryReference.parse(tag);
            describe(manifest, document, image).putObject("annotations").put("io.containerd.image.name", name.canonical())
                    .put("org.opencontainers.image.ref.name", name.tag());
        }
    }

    private void addDocument(Digest digest, byte[] document) {
        entries.putIfAbsent(digest, new Blob(document.length, out -> out.write(document)));
    }

    /** The manifest that this machine pulled the image by, where all of its layers were kept; else null. */
    private Digest keptManifest(Image image, Digest config) {
        for (String name : image.digests()) {
            Digest digest = Digest.parse(name.substring(name.indexOf('@') + 1), "catalog");
            byte[] document = blobs.readIfWhole(digest);
            JsonNode json = document == null ? JSON.missingNode() : ImageArchive.json(document, "kept manifest " + digest);
            if (json.path("config").path("digest").asText().equals(config.toString())
                    && RemoteManifest.layersOf(document).stream().allMatch(blobs::has)) {
                return digest;
            }
        }
        return null;
    }

    private long tarSize(Image image, Digest diffId) {
        long size = layers.tarSize(diffId);
        if (size < 0) {
            throw RuntimeShimException.conflict("image " + image.id() + " cannot be saved: its layer " + diffId.abbreviated()
                    + " replaces a file of its own, or was unpacked by an older release, and is not kept as it came; load or pull the image again"
                    + " on a node of this release, or save it where it was built");
        }
        return size;
    }

    private byte[] manifest(Digest config, List<Digest> diffIds) {
        ObjectNode json = JSON.createObjectNode().put("schemaVersion", 2).put("mediaType", MANIFEST_TYPE);
        descriptor(json.putObject("config"), "application/vnd.oci.image.config.v1+json", config, entries.get(config).size());
        ArrayNode array = json.putArray("layers");
        diffIds.forEach(diffId -> descriptor(array.addObject(), "application/vnd.oci.image.layer.v1.tar", diffId, entries.get(diffId).size()));
        return bytes(json);
    }

    private ObjectNode describe(Digest manifest, byte[] document, Image image) {
        ObjectNode entry = index.addObject();
        String mediaType = ImageArchive.json(document, "manifest " + manifest).path("mediaType").asText(MANIFEST_TYPE);
        descriptor(entry, mediaType, manifest, document.length);
        ObjectNode platform = entry.putObject("platform").put("architecture", image.architecture()).put("os", image.os());
        if (!image.variant().isEmpty()) {
            platform.put("variant", image.variant());
        }
        return entry;
    }

    private static void descriptor(ObjectNode json, String mediaType, Digest digest, long size) {
        json.put("mediaType", mediaType).put("digest", digest.toString()).put("size", size);
    }

    /** @throws RuntimeShimException where what is on this disk is damaged; @throws IOException where {@code out} does not take it */
    void writeTo(OutputStream out) throws IOException {
        TarArchiveOutputStream tar = new TarArchiveOutputStream(out, "UTF-8");
        tar.setBigNumberMode(TarArchiveOutputStream.BIGNUMBER_POSIX);
        directory(tar, "blobs/");
        directory(tar, "blobs/sha256/");
        for (Map.Entry<Digest, Blob> entry : entries.entrySet()) {
            file(tar, path(entry.getKey()), entry.getValue().size());
            entry.getValue().content().writeTo(tar);
            tar.closeArchiveEntry();
        }
        ObjectNode layoutIndex = JSON.createObjectNode().put("schemaVersion", 2).put("mediaType", "application/vnd.oci.image.index.v1+json");
        layoutIndex.set("manifests", index);
        document(tar, OciLayout.INDEX, bytes(layoutIndex));
        document(tar, ArchivedImage.DOCKER_MANIFEST, bytes(dockerManifest));
        document(tar, "oci-layout", bytes(JSON.createObjectNode().put("imageLayoutVersion", "1.0.0")));
        tar.finish();
    }

    private static void directory(TarArchiveOutputStream tar, String name) throws IOException {
        tar.putArchiveEntry(described(new TarArchiveEntry(name, TarConstants.LF_DIR), 0755, 0));
        tar.closeArchiveEntry();
    }

    private static void file(TarArchiveOutputStream tar, String name, long size) throws IOException {
        tar.putArchiveEntry(described(new TarArchiveEntry(name, TarConstants.LF_NORMAL), 0644, size));
    }

    private static void document(TarArchiveOutputStream tar, String name, byte[] content) throws IOException {
        file(tar, name, content.length);
        tar.write(content);
        tar.closeArchiveEntry();
    }

    /** As of 1970 and of root: the same images give the same archive. */
    private static TarArchiveEntry described(TarArchiveEntry entry, int mode, long size) {
        entry.setMode(mode);
        entry.setIds(0, 0);
        entry.setNames("", "");
        entry.setModTime(0L);
        entry.setSize(size);
        return entry;
    }

    private static String path(Digest digest) {
        return "blobs/sha256/" + digest.hex();
    }

    private static byte[] bytes(JsonNode json) {
        return json.toString().getBytes(StandardCharsets.UTF_8);
    }
}
