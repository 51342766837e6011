package dev.starling.runtime.image;

import java.io.InputStream;
import java.nio.file.Path;
import java.util.List;

/** Images of this machine: content-addressed, unpacked once a layer, shared by all containers. */
public interface ImageStore {
    /**
     * Loads an archive as {@code docker save} or an OCI layout writes it, plain, gzip or zstd. All or nothing.
     *
     * @return what was loaded, as {@code docker load} prints it: {@code Loaded image: busybox:latest}
     * @throws dev.starling.runtime.RuntimeShimException INVALID where the archive is hostile, truncated or no image
     */
    List<String> load(InputStream archive);

    List<Image> list();

    /** By id, unique id prefix (4 or more hex digits), reference or {@code name@digest}; null where there is none. */
    Image find(String reference);

    /** Adds a tag. */
    void tag(String reference, String newTag);

    /** Removes a tag, and the image with its last one. @return what was done, as Docker lists it ("Untagged: ...", "Deleted: ...") */
    List<String> remove(String reference, boolean force);

    /** The unpacked layers of an image, lowest first, for use as overlayfs lower directories. They stay while a container uses them. */
    List<Path> layerDirectories(Image image);
}
