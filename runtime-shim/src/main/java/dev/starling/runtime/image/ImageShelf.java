package dev.starling.runtime.image;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.image.ImageStore.Pruned;
import dev.starling.runtime.image.ImageStore.StoreUsage;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the store has: the catalog, and the layers and blobs that its images need. Everything becomes visible and goes here, under one lock, by these steps:
 *
 * <pre>
 * publish   layers renamed into place, blobs linked, configs written, images.json replaced    each on disk before the next
 * remove    images.json replaced, then what nothing needs is swept
 * </pre>
 *
 * So after a power cut there is at most too much, which the next start sweeps. Needed is what an image names, what a container has mounted, what a load
 * or pull counts on, and what is being saved.
 */
final class ImageShelf {
    private static final Logger LOG = LoggerFactory.getLogger(ImageShelf.class);

    private final Path catalogFile;
    private final Path temporary;
    private final ImageLimits limits;
    private final BlobStore blobs;
    private final LayerStore layers;
    private final Supplier<Set<Path>> layersInUse;
    private final Object lock = new Object();
    /** Written under the lock; read without, being immutable. */
    private volatile Catalog catalog;
    private volatile Predicate<String> inUse = imageId -> false;
    /** Images that are being saved: what they consist of stays, whatever becomes of the images. Guarded by the lock. */
    private final Map<Image, Integer> leaving = new HashMap<>();

    /** @param directory absolute; @param layersInUse directories of layers that containers have mounted */
    ImageShelf(Path directory, ImageLimits limits, Supplier<Set<Path>> layersInUse) {
        this.catalogFile = directory.resolve("images.json");
        this.limits = limits;
        this.layersInUse = layersInUse;
        this.blobs = new BlobStore(directory.resolve("blobs/sha256"));
        this.layers = new LayerStore(directory.resolve("layers"));
        Disk.removeTree(directory.resolve("tmp"));
        this.temporary = Disk.directory(directory.resolve("tmp"));
        this.catalog = readCatalog();
        sweep();
    }

    /** Images that containers use are not removed. Set by whoever knows the containers, before the first {@link #remove}. */
    void keepWhile(Predicate<String> imageIdInUse) {
        this.inUse = Objects.requireNonNull(imageIdInUse);
    }

    Catalog catalog() {
        return catalog;
    }

    /** For reading. */
    BlobStore blobs() {
        return blobs;
    }

    /** For unpacking, and for looking which are there. */
    LayerStore layers() {
        return layers;
    }

    /** These layers stay, whether an image names them or not, until they are {@link #unpin}ned. */
    void pin(List<Digest> diffIds) {
        synchronized (lock) {
            layers.pin(diffIds);
        }
    }

    void unpin(List<Digest> diffIds) {
        synchronized (lock) {
            layers.unpin(diffIds);
        }
    }

    /**
     * Makes images visible, all in one moment.
     *
     * @param documents manifests that led to them, for other nodes
     * @param files     compressed layers, likewise
     */
    List<String> publish(
            List<ArchivedImage> images, Set<Digest> unpacked, Path work, Map<Digest, byte[]> documents, Map<Digest, Path> files) {
        Map<Digest, Path> kept = new TreeMap<>(files);
        Path written = Disk.directory(work.resolve("documents"));
        documents.forEach((digest, content) -> kept.put(digest, document(written, digest, content)));
        images.forEach(image -> kept.put(image.config().id(), document(written, image.config().id(), image.config().content())));
        boolean synced = !unpacked.isEmpty() || !kept.keySet().stream().allMatch(blobs::has);
        if (synced) {
            layers.sync(); // contents first and all at once, then their names, then the catalog that names them: four waits for the disk in all
        }
        List<String> loaded = new ArrayList<>();
        synchronized (lock) {
            unpacked.forEach(diffId -> layers.publish(diffId, work.resolve(diffId.hex())));
            boolean linked = false;
            for (Map.Entry<Digest, Path> file : kept.entrySet()) {
                linked |= blobs.link(file.getKey(), file.getValue());
            }
            if (linked && !synced) {
                layers.sync(); // a removal came between the look and the lock
            }
            layers.syncNames();
            blobs.syncNames();
            Catalog changed = catalog;
            for (ArchivedImage image : images) {
                blobs.use(image.config().id(), Instant.now());
                changed = changed.with(image, image.config().diffIds().stream().distinct().mapToLong(layers::size).sum());
                image.names().forEach(name -> loaded.add("Loaded image: " + name.familiar()));
                if (image.names().isEmpty()) {
                    loaded.add("Loaded image ID: " + image.config().id());
                }
            }
            write(changed);
        }
        return loaded;
    }

    private static Path document(Path directory, Digest digest, byte[] content) {
        Path file = directory.resolve(digest.hex());
        Disk.put(file, content);
        return file;
    }

    void tag(String reference, String newTag) {
        RegistryReference tag = RegistryReference.parse(newTag);
        if (!tag.digest().isEmpty()) {
            throw RuntimeShimException.invalid("refusing to create a tag with a digest reference");
        }
        if (tag.familiarName().equals("sha256")) {
            throw RuntimeShimException.invalid("refusing to create an ambiguous tag using digest algorithm as name");
        }
        synchronized (lock) {
            Image image = catalog.find(reference);
            if (image == null) {
                throw Catalog.notFound(reference);
            }
            write(catalog.withTag(image, tag));
        }
    }

    List<String> remove(String reference, boolean force) {
        Catalog.Removal removal;
        synchronized (lock) {
            removal = catalog.remove(reference, force, inUse);
            write(removal.catalog());
        }
        List<String> lines = new ArrayList<>(removal.lines());
        sweep().layers().forEach(layer -> lines.add("Deleted: " + layer));
        return lines;
    }

    Pruned prune(Predicate<Image> unwanted) {
        List<String> lines = new ArrayList<>();
        synchronized (lock) {
            Catalog changed = catalog;
            for (Image image : catalog.list()) {
                if (unwanted.test(image) && !inUse.test(image.id())) {
                    changed = withoutImage(changed, image, lines);
                }
            }
            write(changed);
        }
        return swept(lines);
    }

    /**
     * Removes an image as a collection of garbage does: not one that is in use, nor one that was used after {@code unusedSince}; both are looked at
     * in the moment of the removal.
     */
    Pruned collect(String imageId, Instant unusedSince) {
        List<String> lines = new ArrayList<>();
        synchronized (lock) {
            Image image = catalog.images().get(imageId);
            if (image == null || inUse.test(imageId) || lastUsed(image).isAfter(unusedSince)) {
                return Pruned.NOTHING;
            }
            write(withoutImage(catalog, image, lines));
        }
        return swept(lines);
    }

    private static Catalog withoutImage(Catalog catalog, Image image, List<String> lines) {
        image.tags().forEach(name -> lines.add("Untagged: " + name));
        image.digests().forEach(name -> lines.add("Untagged: " + name));
        lines.add("Deleted: " + image.id());
        return catalog.without(image);
    }

    private Pruned swept(List<String> lines) {
        if (lines.isEmpty()) {
            return Pruned.NOTHING;
        }
        Swept swept = sweep();
        swept.layers().forEach(layer -> lines.add("Deleted: " + layer));
        return new Pruned(List.copyOf(lines), swept.bytes());
    }

    boolean isInUse(Image image) {
        return inUse.test(image.id());
    }

    Instant lastUsed(Image image) {
        return blobs.lastUsed(Digest.parse(image.id(), "catalog"));
    }

    /** From now on the image counts as used at this time. */
    void use(Image image, Instant now) {
        synchronized (lock) {
            if (catalog.images().containsKey(image.id())) {
                blobs.use(Digest.parse(image.id(), "catalog"), now);
            }
        }
    }

    Image use(String reference) {
        synchronized (lock) {
            Image image = catalog.find(reference);
            if (image != null) {
                use(image, Instant.now());
            }
            return image;
        }
    }

    void save(List<String> references, OutputStream out) throws IOException {
        List<ImageExport.Selection> selections;
        ImageExport export;
        synchronized (lock) {
            selections = catalog.selected(references);
            export = ImageExport.of(selections, blobs, layers);
            selections.forEach(selection -> leaving.merge(selection.image(), 1, Integer::sum));
        }
        try {
            export.writeTo(out);
        } finally {
            synchronized (lock) {
                selections.forEach(selection -> leaving.computeIfPresent(selection.image(), (same, count) -> count == 1 ? null : count - 1));
            }
        }
    }

    StoreUsage usage() {
        Catalog current = catalog;
        Map<Digest, Long> layerBytes = new TreeMap<>();
        Map<Digest, Integer> users = new TreeMap<>();
        for (Image image : current.images().values()) {
            image.layers().stream().distinct().map(layer -> Digest.parse(layer, "catalog")).filter(layers::has).forEach(layer -> {
                layerBytes.computeIfAbsent(layer, layers::size);
                users.merge(layer, 1, Integer::sum);
            });
        }
        Map<String, Long> shared = new TreeMap<>();
        current.images().values().forEach(image -> shared.put(image.id(), image.layers().stream().distinct()
                .map(layer -> Digest.parse(layer, "catalog")).filter(layer -> users.getOrDefault(layer, 0) > 1).mapToLong(layerBytes::get).sum()));
        return new StoreUsage(layerBytes.values().stream().mapToLong(bytes -> bytes).sum(), blobs.bytes(), shared);
    }

    ImageDetails details(Image image) {
        synchronized (lock) { // so that no removal comes between
            if (!catalog.images().containsKey(image.id())) {
                throw Catalog.notFound(image.id());
            }
            List<Long> sizes = image.layers().stream().map(layer -> Digest.parse(layer, "catalog")).map(layer -> layers.has(layer) ? layers.size(layer) : 0).toList();
            return ImageDetails.of(blobs.read(Digest.parse(image.id(), "catalog")), sizes);
        }
    }

    /** A layer that an image has twice (an empty one, mostly) counts where it is uppermost: overlayfs takes each directory once. */
    List<Path> layerDirectories(Image image) {
        List<Path> directories = new ArrayList<>();
        List<String> diffIds = image.layers();
        for (int i = 0; i < diffIds.size(); i++) {
            if (diffIds.lastIndexOf(diffIds.get(i)) == i) {
                Digest diffId = Digest.parse(diffIds.get(i), "image " + image.id());
                if (!layers.has(diffId)) {
                    throw RuntimeShimException.notFound("No such image: " + image.id() + " (its layer " + diffId + " is gone)");
                }
                directories.add(layers.diff(diffId));
            }
        }
        return directories;
    }

    private void write(Catalog changed) {
        Disk.replace(catalogFile, changed.toJson());
        catalog = changed;
    }

    private Catalog readCatalog() {
        if (!Files.exists(catalogFile)) {
            return Catalog.EMPTY;
        }
        try {
            return Catalog.fromJson(Files.readAllBytes(catalogFile), this::readConfig);
        } catch (IOException failure) {
            throw Disk.failed("read " + catalogFile, failure);
        }
    }

    /** Null, with a warning, where a file is missing or damaged: the image is as good as lost, the others are not. */
    private ConfigDocument readConfig(Digest id) {
        try {
            ConfigDocument config = ConfigDocument.parse(blobs.read(id), limits);
            if (config.id().equals(id) && config.diffIds().stream().allMatch(layers::has)) {
                return config;
            }
            LOG.warn("image store: image {} is left out: its config or a layer is missing or damaged; load it again", id);
        } catch (RuntimeShimException failure) {
            LOG.warn("image store: image {} is left out; load it again", id, failure);
        }
        return null;
    }

    record Swept(List<Digest> layers, long bytes) {}

    /** Removes what no image names. What is deleted leaves its place by a rename, so that half a layer is never in it. */
    Swept sweep() {
        Path trash = temporaryDirectory("trash-");
        try {
            synchronized (lock) {
                Set<Image> kept = new HashSet<>(catalog.images().values());
                kept.addAll(leaving.keySet());
                Set<Digest> neededLayers = new TreeSet<>();
                kept.forEach(image -> image.layers().forEach(layer -> neededLayers.add(Digest.parse(layer, "catalog"))));
                layersInUse.get().forEach(diff -> LayerStore.ofDirectory(diff).ifPresent(neededLayers::add));
                LayerStore.Swept swept = layers.sweep(neededLayers, trash);
                return new Swept(swept.layers(), swept.bytes() + blobs.sweep(neededBlobs(kept)));
            }
        } finally {
            Disk.removeTree(trash);
        }
    }

    /** Configs, and of pulled images the manifests that led to them and the layers that these name. */
    private Set<String> neededBlobs(Set<Image> kept) {
        Set<String> needed = new HashSet<>();
        for (Image image : kept) {
            needed.add(Digest.parse(image.id(), "catalog").hex());
            for (String name : image.digests()) {
                Digest manifest = Digest.parse(name.substring(name.indexOf('@') + 1), "catalog");
                if (needed.add(manifest.hex()) && blobs.has(manifest)) {
                    try {
                        RemoteManifest.layersOf(blobs.read(manifest)).forEach(layer -> needed.add(layer.hex()));
                    } catch (RuntimeShimException damaged) {
                        LOG.warn("image store: the kept manifest {} cannot be read; its layers are not kept for other nodes", manifest, damaged);
                    }
                }
            }
        }
        return needed;
    }

    Path temporaryDirectory(String prefix) {
        try {
            return Files.createTempDirectory(temporary, prefix);
        } catch (IOException failure) {
            throw Disk.failed("create a directory in " + temporary, failure);
        }
    }
}
