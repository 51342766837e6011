package dev.starling.node.agent;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.image.Image;
import dev.starling.runtime.image.ImageStore;
import dev.starling.runtime.image.PullProgress;
import dev.starling.runtime.image.RegistryCredentials;
import java.io.InputStream;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;

/** A store with one image, busybox:latest, and a registry that has another one, for those who may. */
final class BusyboxOnly implements ImageStore {
    static final String PRIVATE = "registry.example/app:1";
    static final RegistryCredentials ALLOWED = new RegistryCredentials("edge", "a password like no other");
    /** As whom pulls were tried. */
    final List<String> pulledAs = new CopyOnWriteArrayList<>();
    private volatile boolean pulled;
    private static final Image BUSYBOX = new Image("sha256:82157df4282932c6037025ad9dff61c225f23cfd5c571573e82dcd3fb16db1dc",
            List.of("busybox:latest"), List.of(), Instant.EPOCH, "linux", "amd64", "", List.of("sha256:8e73"), 1,
            new Image.Config(List.of(), List.of("sh"), List.of(), "", "", "", Map.of(), List.of(), List.of()));

    volatile List<Image> here = List.of(BUSYBOX);

    @Override
    public List<Image> list() {
        return here;
    }

    @Override
    public Image find(String reference) {
        return reference.equals("busybox:latest") || pulled && reference.equals(PRIVATE) ? BUSYBOX : null;
    }

    @Override
    public Image pull(String reference, RegistryCredentials credentials, PullProgress progress) {
        pulledAs.add(credentials.toString());
        if (!reference.equals(PRIVATE) || !credentials.equals(ALLOWED)) {
            throw RuntimeShimException.notFound("pull access denied for " + reference);
        }
        pulled = true;
        return BUSYBOX;
    }

    @Override
    public List<String> load(InputStream archive) {
        throw new AssertionError("not expected");
    }

    @Override
    public void tag(String reference, String newTag) {
        throw new AssertionError("not expected");
    }

    @Override
    public List<String> remove(String reference, boolean force) {
        throw new AssertionError("not expected");
    }

    @Override
    public List<Path> layerDirectories(Image image) {
        throw new AssertionError("not expected");
    }
}
