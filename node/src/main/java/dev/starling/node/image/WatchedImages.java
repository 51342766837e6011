package dev.starling.node.image;

import dev.starling.runtime.image.BlobPart;
import dev.starling.runtime.image.Digest;
import dev.starling.runtime.image.Image;
import dev.starling.runtime.image.ImageDetails;
import dev.starling.runtime.image.ImageSource;
import dev.starling.runtime.image.ImageStore;
import dev.starling.runtime.image.PullProgress;
import dev.starling.runtime.image.RegistryCredentials;
import dev.starling.runtime.image.RegistryReference;
import dev.starling.runtime.image.RemoteImage;
import dev.starling.runtime.registry.ImagePuller;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.Predicate;

/** The image store, telling the agent when images came or went, so that the node's report says so to the planners. */
public final class WatchedImages implements ImageStore {
    private final ImageStore store;
    /** Null: no registry is asked. */
    private final ImagePuller puller;
    private volatile Runnable listener = () -> { };

    public WatchedImages(ImageStore store) {
        this(store, null);
    }

    public WatchedImages(ImageStore store, ImagePuller puller) {
        this.store = store;
        this.puller = puller;
    }

    public void onChange(Runnable newListener) {
        listener = newListener;
    }

    /** References and ids of what is here, as the planners compare them. */
    public SortedSet<String> names() {
        TreeSet<String> names = new TreeSet<>();
        for (Image image : store.list()) {
            names.add(image.id());
            names.addAll(image.tags());
            names.addAll(image.digests());
            image.digests().forEach(digest -> names.add(digest.substring(digest.indexOf('@') + 1))); // what a pinned service says of it
        }
        return Collections.unmodifiableSortedSet(names);
    }

    @Override
    public List<String> load(InputStream archive) {
        List<String> loaded = store.load(archive);
        listener.run();
        return loaded;
    }

    @Override
    public Image pull(String reference, RegistryCredentials credentials, PullProgress progress) {
        if (puller == null) {
            return store.pull(reference, credentials, progress);
        }
        Image image = puller.pull(reference, credentials, progress);
        listener.run();
        return image;
    }

    /** Fetches an image that is pinned to its digest from these nodes, and from nowhere else. */
    void pullFrom(String reference, List<ImageSource> nodes) {
        if (puller != null) {
            puller.pullFrom(reference, nodes);
            listener.run();
        }
    }

    @Override
    public RemoteImage resolve(String reference, RegistryCredentials credentials) {
        return puller == null ? store.resolve(reference, credentials) : puller.resolve(reference, credentials);
    }

    @Override
    public boolean accepts(String registry, RegistryCredentials credentials) {
        return puller == null ? store.accepts(registry, credentials) : puller.accepts(registry, credentials);
    }

    @Override
    public BlobPart readBlob(Digest digest, long offset, int length) {
        return store.readBlob(digest, offset, length);
    }

    /** Other nodes are asked before registries from now on. */
    public void askFirst(Function<RegistryReference, List<ImageSource>> neighbours) {
        if (puller != null) {
            puller.askFirst(neighbours);
        }
    }

    @Override
    public List<Image> list() {
        return store.list();
    }

    @Override
    public Image find(String reference) {
        return store.find(reference);
    }

    @Override
    public ImageDetails details(Image image) {
        return store.details(image);
    }

    @Override
    public void tag(String reference, String newTag) {
        store.tag(reference, newTag);
        listener.run();
    }

    @Override
    public List<String> remove(String reference, boolean force) {
        List<String> removed = store.remove(reference, force);
        listener.run();
        return removed;
    }

    @Override
    public Image use(String reference) {
        return store.use(reference);
    }

    @Override
    public void save(List<String> references, OutputStream out) throws IOException {
        store.save(references, out);
    }

    @Override
    public Pruned prune(Predicate<Image> unwanted) {
        Pruned pruned = store.prune(unwanted);
        listener.run();
        return pruned;
    }

    @Override
    public StoreUsage usage() {
        return store.usage();
    }

    /** Images came or went without a call of this. */
    public void changed() {
        listener.run();
    }

    @Override
    public List<Path> layerDirectories(Image image) {
        return store.layerDirectories(image);
    }
}
