package dev.starling.runtime.image;

import dev.starling.runtime.RuntimeShimException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
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
 * blobs/sha256/HEX         configs; of pulled images also manifests and layers as they came, for other nodes
 * layers/HEX/diff, size    unpacked, by diff id (see {@link LayerStore})
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
    private final Path blobs;
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
        this.blobs = Disk.directory(absolute.resolve("blobs/sha256"));
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
        return publish(images, unpacked, work, Kept.NOTHING);
    }

    private void unpackMissing(ImageArchive.Member layer, Digest diffId, Path work, Set<Digest> unpacked) {
        if (!layers.has(diffId) && unpacked.add(diffId)) {
            layers.unpack(layer, diffId, work.resolve(diffId.hex()), limits);
        }
    }

    /** What other nodes may ask for beside the config. */
    private record Kept(Map<Digest, byte[]> documents, Map<Digest, Path> files) {
        static final Kept NOTHING = new Kept(Map.of(), Map.of());
    }

    private List<String> publish(List<ArchivedImage> images, Set<Digest> unpacked, Path work, Kept kept) {
        if (!unpacked.isEmpty() || !kept.files.isEmpty()) {
            layers.sync();
        }
        List<String> loaded = new ArrayList<>();
        synchronized (lock) {
            unpacked.forEach(diffId -> layers.publish(diffId, work.resolve(diffId.hex())));
            kept.files.forEach((digest, file) -> Disk.link(file, blobs.resolve(digest.hex())));
            kept.documents.forEach(this::keep);
            Catalog changed = catalog;
            for (ArchivedImage image : images) {
                keep(image.config().id(), image.config().content());
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

    private void keep(Digest digest, byte[] document) {
        Path blob = blobs.resolve(digest.hex());
        if (!Files.exists(blob)) {
            Disk.replace(blob, document);
        }
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
        List<RemoteManifest.Descriptor> blobsOfLayers = manifest.layers(limits);
        List<Digest> wanted = new ArrayList<>(blobsOfLayers.stream().map(RemoteManifest.Descriptor::digest).toList());
        wanted.add(manifest.config().digest());
        downloads.pin(wanted);
        boolean done = false;
        try {
            ConfigDocument config = config(manifest.config(), named, sources, threads);
            synchronized (lock) {
                layers.pin(config.diffIds());
            }
            try {
                take(new Pulling(named, manifest, blobsOfLayers, config, sources, progress, threads));
                done = true;
            } finally {
                synchronized (lock) {
                    layers.unpin(config.diffIds());
                }
            }
            return catalog.find(config.id().toString());
        } finally {
            downloads.unpin(wanted, done);
            if (done) {
                downloads.sweep(Instant.now());
            }
        }
    }

    private record Pulling(
            RegistryReference name, RemoteManifest manifest, List<RemoteManifest.Descriptor> blobs, ConfigDocument config,
            List<ImageSource> sources, PullProgress progress, Executor threads) {}

    private void take(Pulling pulling) {
        List<CompletableFuture<Path>> coming = new ArrayList<>();
        List<ImageArchive.Member> members = new ArrayList<>();
        Map<Digest, Path> files = new TreeMap<>();
        for (RemoteManifest.Descriptor blob : pulling.blobs) {
            members.add(new ImageArchive.Member(blob.digest().abbreviated(), downloads.path(blob.digest()), blob.digest(), blob.size()));
        }
        ArchivedImage image = new ArchivedImage(
                pulling.config, members, List.of(pulling.name), List.copyOf(pulling.manifest.documents().keySet()));
        for (int i = 0; i < members.size(); i++) {
            RemoteManifest.Descriptor blob = pulling.blobs.get(i);
            boolean here = layers.has(pulling.config.diffIds().get(i));
            pulling.progress.at(blob.digest(), here ? PullProgress.Step.PRESENT : PullProgress.Step.WAITING, 0, 0);
            coming.add(here ? null : downloads.fetch(
                    new BlobDownloads.Wanted(pulling.name, blob.digest(), blob.size()), pulling.sources, pulling.progress, pulling.threads));
        }
        Path work = temporaryDirectory("pull-");
        try {
            Set<Digest> unpacked = new HashSet<>();
            for (int i = 0; i < members.size(); i++) {
                if (coming.get(i) != null) {
                    Digest digest = members.get(i).digest();
                    files.put(digest, joined(coming.get(i)));
                    pulling.progress.at(digest, PullProgress.Step.EXTRACTING, 0, 0);
                    unpackDownloaded(members.get(i), pulling.config.diffIds().get(i), work, unpacked);
                    pulling.progress.at(digest, PullProgress.Step.COMPLETE, 0, 0);
                }
            }
            publish(List.of(image), unpacked, work, new Kept(pulling.manifest.documents(), files));
        } finally {
            Disk.removeTree(work);
        }
    }

    private void unpackDownloaded(ImageArchive.Member layer, Digest diffId, Path work, Set<Digest> unpacked) {
        try {
            unpackMissing(layer, diffId, work, unpacked);
        } catch (RuntimeShimException failure) {
            if (failure.kind() == RuntimeShimException.Kind.INVALID) {
                downloads.discard(layer.digest()); // damaged on this disk, perhaps: the next try fetches it anew
            }
            throw failure;
        }
    }

    private ConfigDocument config(
            RemoteManifest.Descriptor descriptor, RegistryReference name, List<ImageSource> sources, Executor threads) {
        if (!descriptor.mediaType().contains("image.config") && !descriptor.mediaType().contains("container.image")) {
            throw RuntimeShimException.unsupported(name + " is an artifact of type '" + descriptor.mediaType() + "' and no image");
        }
        if (descriptor.size() > limits.documentBytes()) {
            throw RuntimeShimException.invalid("config of " + name + " has " + descriptor.size() + " bytes; " + limits.documentBytes()
                    + " are allowed");
        }
        Path file = joined(downloads.fetch(
                new BlobDownloads.Wanted(name, descriptor.digest(), descriptor.size()), sources, PullProgress.NONE, threads));
        try {
            return ConfigDocument.parse(Files.readAllBytes(file), limits);
        } catch (IOException failure) {
            throw Disk.failed("read " + file, failure);
        }
    }

    private static Path joined(CompletableFuture<Path> download) {
        try {
            return download.join();
        } catch (CompletionException failure) {
            throw failure.getCause() instanceof RuntimeShimException known ? known : failure;
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
        try (SeekableByteChannel channel = Files.newByteChannel(blobs.resolve(digest.hex()))) {
            ByteBuffer buffer = ByteBuffer.allocate((int) Math.max(0, Math.min(length, channel.size() - offset)));
            channel.position(Math.min(offset, channel.size()));
            while (buffer.hasRemaining() && channel.read(buffer) >= 0) { }
            return Arrays.copyOf(buffer.array(), buffer.position());
        } catch (NoSuchFileException absent) {
            return null;
        } catch (IOException failure) {
            throw Disk.failed("read blob " + digest, failure);
        }
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
                Set<String> needed = neededBlobs(current);
                Set<Digest> neededLayers = current.layers();
                layersInUse.get().forEach(diff -> LayerStore.ofDirectory(diff).ifPresent(neededLayers::add));
                List<Digest> swept = layers.sweep(neededLayers, trash);
                try (var entries = Files.newDirectoryStream(blobs)) {
                    for (Path blob : entries) {
                        if (!needed.contains(blob.getFileName().toString())) {
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

    /** Configs, and of pulled images the manifests that led to them and the layers that these name. */
    private Set<String> neededBlobs(Catalog current) {
        Set<String> needed = new HashSet<>();
        for (Image image : current.images().values()) {
            needed.add(Digest.parse(image.id(), "catalog").hex());
            for (String name : image.digests()) {
                Digest manifest = Digest.parse(name.substring(name.indexOf('@') + 1), "catalog");
                Path file = blobs.resolve(manifest.hex());
                if (needed.add(manifest.hex()) && Files.exists(file)) {
                    try {
                        RemoteManifest.layersOf(Files.readAllBytes(file)).forEach(layer -> needed.add(layer.hex()));
                    } catch (IOException | RuntimeShimException damaged) {
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
