package dev.starling.runtime.image;

import dev.starling.runtime.RuntimeShimException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The image store in a directory of this machine:
 *
 * <pre>
 * images.json              names, and which images there are; replaced whole (see {@link Catalog})
 * blobs/sha256/HEX         configs
 * layers/HEX/diff, size    unpacked, by diff id (see {@link LayerStore})
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
    private final Path blobs;
    private final Path temporary;
    private final ImageLimits limits;
    private final MachinePlatform machine;
    private final LayerStore layers;
    private final Object lock = new Object();
    /** Written under the lock; read without, being immutable. */
    private volatile Catalog catalog;
    private volatile Predicate<String> inUse = imageId -> false;

    public LocalImageStore(Path directory) {
        this(directory, ImageLimits.defaults(), MachinePlatform.current());
    }

    public LocalImageStore(Path directory, ImageLimits limits, MachinePlatform machine) {
        Path absolute = directory.toAbsolutePath();
        this.limits = limits;
        this.machine = machine;
        this.catalogFile = absolute.resolve("images.json");
        this.blobs = Disk.directory(absolute.resolve("blobs/sha256"));
        this.layers = new LayerStore(absolute.resolve("layers"));
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
        for (ArchivedImage image : images) {
            for (int i = 0; i < image.layers().size(); i++) {
                Digest diffId = image.config().diffIds().get(i);
                if (!layers.has(diffId) && unpacked.add(diffId)) {
                    layers.unpack(image.layers().get(i), diffId, work.resolve(diffId.hex()), limits);
                }
            }
        }
        Disk.removeTree(spool); // before the sync, which would bring it to disk too
        if (!unpacked.isEmpty()) {
            layers.sync();
        }
        List<String> loaded = new ArrayList<>();
        synchronized (lock) {
            unpacked.forEach(diffId -> layers.publish(diffId, work.resolve(diffId.hex())));
            Catalog changed = catalog;
            for (ArchivedImage image : images) {
                Path blob = blobs.resolve(image.config().id().hex());
                if (!Files.exists(blob)) {
                    Disk.replace(blob, image.config().content());
                }
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
        sweep().forEach(layer -> lines.add("Deleted: " + layer));
        return lines;
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
            ConfigDocument config = ConfigDocument.parse(Files.readAllBytes(blobs.resolve(id.hex())), limits);
            if (config.id().equals(id) && config.diffIds().stream().allMatch(layers::has)) {
                return config;
            }
            LOG.warn("image store: image {} is left out: its config or a layer is missing or damaged; load it again", id);
        } catch (IOException | RuntimeShimException failure) {
            LOG.warn("image store: image {} is left out; load it again", id, failure);
        }
        return null;
    }

    /** Removes what no image names. What is deleted leaves its place by a rename, so that half a layer is never in it. */
    private List<Digest> sweep() {
        Path trash = temporaryDirectory("trash-");
        try {
            synchronized (lock) {
                Catalog current = catalog;
                List<Digest> swept = layers.sweep(current.layers(), trash);
                try (var entries = Files.newDirectoryStream(blobs)) {
                    for (Path blob : entries) {
                        if (!current.images().containsKey("sha256:" + blob.getFileName())) {
                            Files.delete(blob);
                        }
                    }
                } catch (IOException failure) {
                    throw Disk.failed("sweep " + blobs, failure);
                }
                return swept;
            }
        } finally {
            Disk.removeTree(trash);
        }
    }

    private Path temporaryDirectory(String prefix) {
        try {
            return Files.createTempDirectory(temporary, prefix);
        } catch (IOException failure) {
            throw Disk.failed("create a directory in " + temporary, failure);
        }
    }
}
