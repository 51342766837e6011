package dev.starling.runtime.image;

import dev.starling.runtime.RuntimeShimException;
import java.io.IOException;
import java.io.InputStream;

/**
 * Where manifests and blobs of images come from: a registry, or other nodes. What it gives is hearsay; the store bounds it and holds it
 * against its digest. Called from several threads.
 */
public interface ImageSource {
    /**
     * A manifest or index, by the reference's digest, else by its tag.
     *
     * @throws RuntimeShimException NOT_FOUND, in Docker's words, where the source has none or does not show it
     * @throws IOException          where it cannot be reached
     */
    byte[] manifest(RegistryReference reference) throws IOException;

    /**
     * The bytes of a blob from {@code offset} on.
     *
     * @throws RuntimeShimException as above
     * @throws IOException          on opening or reading, where the connection broke: another try may go on from there
     */
    InputStream blob(RegistryReference repository, Digest digest, long offset) throws IOException;
}
