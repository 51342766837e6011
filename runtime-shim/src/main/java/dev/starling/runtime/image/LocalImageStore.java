package dev.starling.runtime.image;

import dev.starling.runtime.RuntimeShimException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.function.Predicate;
import java.util.function.Supplier;

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
 * An image exists once images.json says so. How it comes to that, and what goes when, is the {@link ImageShelf}'s; here is how images come. One store at a
 * time may use a directory.
 *
 * <p>Thread-safe. Loads unpack side by side, without the lock; the lock guards only the moment in which they become visible. Unpacking
 * makes device nodes and sets owners, so it needs root.
 */
public final class LocalImageStore implements ImageStore {
    private final ImageLimits limits;
    private final MachinePlatform machine;
    private final ImageShelf shelf;
    private final LayerStore layers;
    private final BlobDownloads downloads;

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
        this.limits = limits;
        this.machine = machine;
        this.shelf = new ImageShelf(directory.toAbsolutePath(), limits, layersInUse);
        this.layers = shelf.layers();
        this.downloads = new BlobDownloads(directory.toAbsolutePath().resolve("downloads"));
    }

    /** Images that containers use are not removed. Set by whoever knows the containers, before the first {@link #remove}. */
    public void keepWhile(Predicate<String> imageIdInUse) {
        shelf.keepWhile(imageIdInUse);
    }

    @Override
    public List<String> load(InputStream archive) {
        Path work = shelf.temporaryDirectory("load-");
        try {
            Path spool = Disk.directory(work.resolve("spool"));
            List<ArchivedImage> images = read(ImageArchive.spool(archive, spool, limits));
            List<Digest> diffIds = images.stream().flatMap(image -> image.config().diffIds().stream()).toList();
            shelf.pin(diffIds);
            RuntimeException failed = null;
            try {
                return take(images, spool, work.resolve("layers"));
            } catch (RuntimeException failure) {
                failed = failure;
                throw failure;
            } finally {
                shelf.unpin(diffIds);
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
            shelf.sweep();
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
        return shelf.publish(images, unpacked, work, Map.of(), Map.of());
    }

    private void unpackMissing(ImageArchive.Member layer, Digest diffId, Path work, Set<Digest> unpacked) {
        if (!layers.has(diffId) && unpacked.add(diffId)) {
            layers.unpack(layer, diffId, work.resolve(diffId.hex()), limits);
        }
    }

    /**
     * Fetches an image; what is here already is not fetched again. All or nothing, but what was downloaded is there for the next try.
     *
     * @param sources in the order in which they are asked; the last is the registry, which knows what a tag stands for
     * @param threads downloads run on them, so many at a time
     * @param unpackThreads layers are unpacked on them, so many at a time
     * @throws RuntimeShimException as the sources told, INVALID where what came is hostile or damaged
     */
    public Image pull(RegistryReference reference, List<ImageSource> sources, PullProgress progress, Executor threads, Executor unpackThreads) {
        RemoteManifest manifest = RemoteManifest.read(
                reference, sources, machine, limits, (digest, fetch) -> downloads.document(digest, limits.documentBytes(), fetch));
        RegistryReference named = new RegistryReference(
                reference.host(), reference.repository(), reference.digest().isEmpty() ? reference.tag() : "", reference.digest());
        ImagePull pull = new ImagePull(named, manifest, manifest.layers(limits), sources, downloads, progress, threads, unpackThreads);
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
        shelf.pin(config.diffIds());
        Path work = shelf.temporaryDirectory("pull-");
        try {
            ImagePull.Fetched fetched = pull.fetch(config, layers, (layer, diffId, unpacked) -> unpackMissing(layer, diffId, work, unpacked));
            shelf.publish(List.of(fetched.image()), fetched.unpacked(), work, pull.manifest().documents(), fetched.blobs());
            return shelf.catalog().find(config.id().toString());
        } finally {
            Disk.removeTree(work);
            shelf.unpin(config.diffIds());
        }
    }

    /** What a reference stands for now, at its registry. */
    public RemoteImage resolve(RegistryReference reference, ImageSource registry) {
        RemoteManifest manifest = RemoteManifest.read(reference, List.of(registry), machine, limits, (digest, fetch) -> fetch.get());
        byte[] top = manifest.documents().get(manifest.digest());
        String mediaType = ImageArchive.json(top, "manifest of " + reference).path("mediaType").asText("");
        return new RemoteImage(manifest.digest(), mediaType, top.length, manifest.platforms());
    }

    @Override
    public BlobPart readBlob(Digest digest, long offset, int length) {
        byte[] kept = shelf.blobs().read(digest, offset, length);
        if (kept == null) {
            BlobPart coming = downloads.read(digest, offset, length);
            if (coming != null) {
                return coming;
            }
            kept = shelf.blobs().read(digest, offset, length); // it may have come there between the two looks
        }
        return kept == null ? null : new BlobPart(kept, false);
    }

    @Override
    public List<Image> list() {
        return shelf.catalog().list();
    }

    @Override
    public Image find(String reference) {
        return shelf.catalog().find(reference);
    }

    /** Parts of downloads that no pull is waiting for. */
    void forgetDownloads(Instant now) {
        downloads.sweep(now, Duration.ZERO);
    }

    @Override
    public Image use(String reference) {
        return shelf.use(reference);
    }

    @Override
    public ImageDetails details(Image image) {
        return shelf.details(image);
    }

    @Override
    public void tag(String reference, String newTag) {
        shelf.tag(reference, newTag);
    }

    @Override
    public List<String> remove(String reference, boolean force) {
        return shelf.remove(reference, force);
    }

    @Override
    public Pruned prune(Predicate<Image> unwanted) {
        return shelf.prune(unwanted);
    }

    @Override
    public void save(List<String> references, OutputStream out) throws IOException {
        shelf.save(references, out);
    }

    @Override
    public StoreUsage usage() {
        return shelf.usage();
    }

    @Override
    public List<Path> layerDirectories(Image image) {
        return shelf.layerDirectories(image);
    }

    /** For the collector. */
    ImageShelf shelf() {
        return shelf;
    }
}
