package dev.starling.node.agent;

import dev.starling.runtime.image.Image;
import dev.starling.runtime.image.ImageStore;
import java.io.InputStream;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/** A store with one image, busybox:latest, that stays as it is. */
final class BusyboxOnly implements ImageStore {
    private static final Image BUSYBOX = new Image("sha256:82157df4282932c6037025ad9dff61c225f23cfd5c571573e82dcd3fb16db1dc",
            List.of("busybox:latest"), List.of(), Instant.EPOCH, "linux", "amd64", "", List.of("sha256:8e73"), 1,
            new Image.Config(List.of(), List.of("sh"), List.of(), "", "", "", Map.of(), List.of(), List.of()));

    @Override
    public List<Image> list() {
        return List.of(BUSYBOX);
    }

    @Override
    public Image find(String reference) {
        return reference.equals("busybox:latest") ? BUSYBOX : null;
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
