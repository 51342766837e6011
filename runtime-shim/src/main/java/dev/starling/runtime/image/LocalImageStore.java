package dev.starling.runtime.image;

import dev.starling.runtime.RuntimeShimException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
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
import java.util.concurrent.Executor;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The image store in a directory of this machine:
 *
 * <pre>
 * images.json              names, and which images there are; replaced whole (see {@link Catalog})
 * blobs/sha256/HEX         configs; of pulled images also manifests and layers as they came, for other nodes (see {@link BlobStore})
 * layers/HEX/..            unpacked, by diff id (see {@link LayerStore})
 * downloads/               blobs under way (see {@link BlobDownloads}); kept over restarts
 * tmp/                     loads under way, and what is being deleted
 * </pre>
 *
 * An image exists once images.json says so. Everything it names is on disk before that, so a crash leaves at worst files that nothing
 * names; they, and tmp/, are removed when a store is made over the directory. One store at a time may use a directory.
 *
 * <p>Thread-safe. Loads unpack side by side, without the lock; the lock guards only the moment in which they become visible. Unpacking
 * makes device nodes and sets owners, so it needs root.
 */
public final class LocalImageStore implements ImageStore {
    private static final Logger LOG = LoggerFactory.getLogger(LocalImageStore.class);

    private final Path catalogFile;
    private final BlobStore blobs;
    private final Path temporary;
    private final ImageLimits limits;
    private final MachinePlatform machine;
    private final LayerStore layers;
    private final BlobDownloads downloads;
    private final Object lock = new Object();
    /** Written under the lock; read without, being immutable. */
    private volatile Catalog catalog;
    private final Supplier<Set<Path>> layersInUse;
    private volatile Predicate<String> inUse = imageId -> false;
    /** Images that are being saved: what they consist of stays, whatever becomes of the images. Guarded by the lock. */
    private final Map<Image, Integer> leaving = new HashMap<>();

    public LocalImageStore(Path directory) {
        this(directory, ImageLimits.defaults(), MachinePlatform.current());
    }

    /** @param layersInUse directories of layers that containers have mounted: they stay, whatever becomes of their image's names */
    public LocalImageStore(Path directory, Supplier<Set<Path>> layersInUse) {
        this(directory, ImageLimits.defaults(), MachinePlatform.current(), layersInUse);
    }

    public LocalImageStore(Path directory, ImageLimits limits, MachinePlatform machine) {
        this(directory, limits, machine, Set::of);
    }

    LocalImageStore(Path directory, ImageLimits limits, MachinePlatform machine, Supplier<Set<Path>> layersInUse) {
        this.layersInUse = layersInUse;
        Path absolute = directory.toAbsolutePath();
        this.limits = limits;
        this.machine = machine;
        this.catalogFile = absolute.resolve("images.json");
        this.blobs = new BlobStore(absolute.resolve("blobs/sha256"));
        this.layers = new LayerStore(absolute.resolve("layers"));
        this.downloads = new BlobDownloads(absolute.resolve("downloads"));
        Disk.removeTree(absolute.resolve("tmp"));
        this.temporary = Disk.directory(absolute.resolve("tmp"));
        this.catalog = readCatalog();
        sweep();
    }

    /** Images that containers use are not removed. Set by whoever knows the containers, before the first {@link #remove}. */
    public void keepWhile(Predicate<String> imageIdInUse) {
        this.inUse = Objects.requireNonNull(imageIdInUse);
    }

    @Override
    public List<String> load(InputStream archive) {
        Path work = temporaryDirectory("load-");
        try {
            Path spool = Disk.directory(work.resolve("spool"));
            List<ArchivedImage> images = read(ImageArchive.spool(archive, spool, limits));
            List<Digest> diffIds = images.stream().flatMap(image -> image.config().diffIds().stream()).toList();
            synchronized (lock) {
                layers.pin(diffIds);
            }
            RuntimeException failed = null;
            try {
                return take(images, spool, work.resolve("layers"));
            } catch (RuntimeException failure) {
                failed = failure;
                throw failure;
            } finally {
                synchronized (lock) {
                    layers.unpin(diffIds);
                }
                if (failed != null) {
                    sweepAfter(failed);
                }
            }
        } finally {
            Disk.removeTree(work);
        }
    }

    /** Removes what was put in place before {@code failure}, or stayed for the pins' sake, and must not hide why the load failed. */
    private void sweepAfter(RuntimeException failure) {
        try {
            sweep();
        } catch (RuntimeShimException second) {
            failure.addSuppressed(second);
        }
    }

    private List<ArchivedImage> read(ImageArchive archive) {
        if (archive.has(ArchivedImage.DOCKER_MANIFEST)) {
            return ArchivedImage.ofDockerSave(archive, limits);
        }
        if (archive.has(OciLayout.INDEX)) {
            return OciLayout.images(archive, limits, machine);
        }
        throw RuntimeShimException.invalid(ImageArchive.WHERE + " has neither " + ArchivedImage.DOCKER_MANIFEST + " nor " + OciLayout.INDEX);
    }

    private List<String> take(List<ArchivedImage> images, Path spool, Path work) {
        Set<Digest> unpacked = new HashSet<>();
        images.forEach(image -> {
            for (int i = 0; i < image.layers().size(); i++) {
                unpackMissing(image.layers().get(i), image.config().diffIds().get(i), work, unpacked);
            }
        });
        Disk.removeTree(spool); // before the sync, which would bring it to disk too
        return publish(images, unpacked, work, Map.of(), Map.of());
    }

    private void unpackMissing(ImageArchive.Member layer, Digest diffId, Path work, Set<Digest> unpacked) {
        if (!layers.has(diffId) && unpacked.add(diffId)) {
            layers.unpack(layer, diffId, work.resolve(diffId.hex()), limits);
        }
    }

    /**
     * Makes images visible, all in one moment.
     *
     * @param documents manifests that led to them, for other nodes
     * @param files     compressed layers, likewise
     */
    private List<String> publish(
            List<ArchivedImage> images, Set<Digest> unpacked, Path work, Map<Digest, byte[]> documents, Map<Digest, Path> files) {
        if (!unpacked.isEmpty() || !files.isEmpty()) {
            layers.sync();
        }
        List<String> loaded = new ArrayList<>();
        synchronized (lock) {
            unpacked.forEach(diffId -> layers.publish(diffId, work.resolve(diffId.hex())));
            files.forEach(blobs::link);
            documents.forEach(blobs::keep);
            Catalog changed = catalog;
            for (ArchivedImage image : images) {
                blobs.keep(image.config().id(), image.config().content());
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

    /**
     * Fetches an image; what is here already is not fetched again. All or nothing, but what was downloaded is there for the next try.
     *
     * @param sources in the order in which they are asked; the last is the registry, which knows what a tag stands for
     * @param threads downloads run on them, so many at a time
     * @throws RuntimeShimException as the sources told, INVALID where what came is hostile or damaged
     */
    public Image pull(RegistryReference reference, List<ImageSource> sources, PullProgress progress, Executor threads) {
        RemoteManifest manifest = RemoteManifest.read(reference, sources, machine, limits);
        RegistryReference named = new RegistryReference(
                reference.host(), reference.repository(), reference.digest().isEmpty() ? reference.tag() : "", reference.digest());
        ImagePull pull = new ImagePull(named, manifest, manifest.layers(limits), sources, downloads, progress, threads);
        List<Digest> wanted = pull.wanted();
        downloads.pin(wanted);
        boolean done = false;
        try {
            Image image = take(pull, pull.config(limits));
            done = true;
            return image;
        } finally {
            downloads.unpin(wanted, done);
            if (done) {
                downloads.sweep(Instant.now(), BlobDownloads.ABANDONED);
            }
        }
    }

    private Image take(ImagePull pull, ConfigDocument config) {
        synchronized (lock) {
            layers.pin(config.diffIds());
        }
        Path work = temporaryDirectory("pull-");
        try {
            ImagePull.Fetched fetched = pull.fetch(config, layers, (layer, diffId, unpacked) -> unpackMissing(layer, diffId, work, unpacked));
            publish(List.of(fetched.image()), fetched.unpacked(), work, pull.manifest().documents(), fetched.blobs());
            return catalog.find(config.id().toString());
        } finally {
            Disk.removeTree(work);
            synchronized (lock) {
                layers.unpin(config.diffIds());
            }
        }
    }

    /** What a reference stands for now, at its registry. */
    public RemoteImage resolve(RegistryReference reference, ImageSource registry) {
        RemoteManifest manifest = RemoteManifest.read(reference, List.of(registry), machine, limits);
        byte[] top = manifest.documents().get(manifest.digest());
        String mediaType = ImageArchive.json(top, "manifest of " + reference).path("mediaType").asText("");
        return new RemoteImage(manifest.digest(), mediaType, top.length, manifest.platforms());
    }

    @Override
    public byte[] readBlob(Digest digest, long offset, int length) {
        return blobs.read(digest, offset, length);
    }

    @Override
    public List<Image> list() {
        return catalog.list();
    }

    @Override
    public Image find(String reference) {
        return catalog.find(reference);
    }

    @Override
    public void tag(String reference, String newTag) {
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

    @Override
    public List<String> remove(String reference, boolean force) {
        Catalog.Removal removal;
        synchronized (lock) {
            removal = catalog.remove(reference, force, inUse);
            write(removal.catalog());
        }
        List<String> lines = new ArrayList<>(removal.lines());
        sweep().layers().forEach(layer -> lines.add("Deleted: " + layer));
        return lines;
    }

    @Override
    public Pruned prune(Predicate<Image> unwanted) {
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

    /** Parts of downloads that no pull is waiting for. */
    void forgetDownloads(Instant now) {
        downloads.sweep(now, Duration.ZERO);
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

    @Override
    public Image use(String reference) {
        synchronized (lock) {
            Image image = catalog.find(reference);
            if (image != null) {
                use(image, Instant.now());
            }
            return image;
        }
    }

    @Override
    public void save(List<String> references, OutputStream out) throws IOException {
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

    @Override
    public StoreUsage usage() {
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

    /** A layer that an image has twice (an empty one, mostly) counts where it is uppermost: overlayfs takes each directory once. */
    @Override
    public List<Path> layerDirectories(Image image) {
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

    private record Swept(List<Digest> layers, long bytes) {}

    /** Removes what no image names. What is deleted leaves its place by a rename, so that half a layer is never in it. */
    private Swept sweep() {
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

    private Path temporaryDirectory(String prefix) {
        try {
            return Files.createTempDirectory(temporary, prefix);
        } catch (IOException failure) {
            throw Disk.failed("create a directory in " + temporary, failure);
        }
    }
}
