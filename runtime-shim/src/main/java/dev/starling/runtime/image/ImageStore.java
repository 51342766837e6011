package dev.starling.runtime.image;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.image.RegistryCredentials;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/** Images of this machine: content-addressed, unpacked once a layer, shared by all containers. */
public interface ImageStore {
    /**
     * Loads an archive as {@code docker save} or an OCI layout writes it, plain, gzip or zstd. All or nothing.
     *
     * @return what was loaded, as {@code docker load} prints it: {@code Loaded image: busybox:latest}
     * @throws dev.starling.runtime.RuntimeShimException INVALID where the archive is hostile, truncated or no image
     */
    List<String> load(InputStream archive);

    /**
     * Fetches an image from its registry, or from whoever has it. Blocks until it is in the store.
     *
     * @param reference   {@code busybox:2}, or with a digest
     * @param credentials for the registry; {@link RegistryCredentials#NONE}: those of the configuration, if any
     * @throws RuntimeShimException NOT_FOUND in Docker's words, SYSTEM where the registry cannot be reached
     */
    default Image pull(String reference, RegistryCredentials credentials, PullProgress progress) {
        throw RuntimeShimException.unsupported("this image store asks no registry");
    }

    /** What a reference stands for at its registry, so that it can be pinned. @throws RuntimeShimException as {@link #pull} */
    default RemoteImage resolve(String reference, RegistryCredentials credentials) {
        throw RuntimeShimException.unsupported("this image store asks no registry");
    }

    /** Whether a registry, by its host, takes these credentials. @throws RuntimeShimException SYSTEM where it cannot be reached */
    default boolean accepts(String registry, RegistryCredentials credentials) {
        throw RuntimeShimException.unsupported("this image store asks no registry");
    }

    /** A part of a manifest, config or compressed layer, for other nodes; null where it is neither kept here nor on its way. */
    default BlobPart readBlob(Digest digest, long offset, int length) {
        return null;
    }

    List<Image> list();

    /** By id, unique id prefix (4 or more hex digits), reference or {@code name@digest}; null where there is none. */
    Image find(String reference);

    /** How an image was made. @throws RuntimeShimException NOT_FOUND where it has gone */
    default ImageDetails details(Image image) {
        return ImageDetails.NONE;
    }

    /** Adds a tag. */
    void tag(String reference, String newTag);

    /** Removes a tag, and the image with its last one. @return what was done, as Docker lists it ("Untagged: ...", "Deleted: ...") */
    List<String> remove(String reference, boolean force);

    /**
     * {@link #find}, for who is about to make a container of it: an automatic collection leaves it alone for some minutes, and counts its age from
     * now on.
     */
    default Image use(String reference) {
        return find(reference);
    }

    /**
     * Writes images as {@code docker save} does. They may be removed meanwhile.
     *
     * @throws RuntimeShimException NOT_FOUND, and CONFLICT where a layer cannot be given away, before anything is written; SYSTEM in the middle of it
     *                              where this disk's content is damaged
     * @throws IOException          where {@code out} does not take it
     */
    default void save(List<String> references, OutputStream out) throws IOException {
        throw RuntimeShimException.unsupported("this image store saves no images");
    }

    /** @param lines as Docker lists them ("Untagged: ...", "Deleted: ..."); @param bytes that this gave back to the disk, about */
    record Pruned(List<String> lines, long bytes) {
        public static final Pruned NOTHING = new Pruned(List.of(), 0);
    }

    /** Removes all images that are {@code unwanted} and not in use. */
    default Pruned prune(Predicate<Image> unwanted) {
        throw RuntimeShimException.unsupported("this image store prunes no images");
    }

    /**
     * @param layerBytes unpacked layers, each once
     * @param keptBytes  compressed layers and documents that are kept for other nodes
     * @param shared     image id -> bytes of its layers that other images have too
     */
    record StoreUsage(long layerBytes, long keptBytes, Map<String, Long> shared) {}

    default StoreUsage usage() {
        return new StoreUsage(list().stream().mapToLong(Image::size).sum(), 0, Map.of());
    }

    /** The unpacked layers of an image, lowest first, for use as overlayfs lower directories. They stay while a container uses them. */
    List<Path> layerDirectories(Image image);
}
