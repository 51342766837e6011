package dev.starling.runtime.supervision;

import dev.starling.runtime.image.Image;
import dev.starling.runtime.image.ImageStore;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Images made of directories: {@code busybox} from the host's static busybox, and what a test adds as a layer on top of it. Nothing else. */
final class BusyboxImages implements ImageStore {
    static final Path HOST_BUSYBOX = Path.of("/bin/busybox");
    private static final List<String> APPLETS = List.of(
            "sh", "true", "false", "cat", "echo", "env", "pwd", "id", "hostname", "ls", "sleep", "mount", "unshare", "touch", "tail", "dd", "kill", "seq", "mkdir",
            "grep", "ip", "head", "test", "stat", "readlink", "mknod", "ps", "tr", "sync", "chmod", "wc", "yes");

    private final Path directory;
    private final Map<String, List<Path>> layers = new HashMap<>();
    /** What further images declare as volumes. */
    final Map<String, List<String>> volumes = new HashMap<>();

    BusyboxImages(Path directory) {
        this.directory = directory;
        layers.put("busybox", List.of(busyboxLayer(directory.resolve("busybox"))));
    }

    private static Path busyboxLayer(Path layer) {
        try {
            for (String each : List.of("bin", "etc", "tmp", "home/alice")) {
                Files.createDirectories(layer.resolve(each));
            }
            Files.copy(HOST_BUSYBOX, layer.resolve("bin/busybox"), StandardCopyOption.COPY_ATTRIBUTES);
            for (String applet : APPLETS) {
                Files.createSymbolicLink(layer.resolve("bin/" + applet), Path.of("busybox"));
            }
            Files.writeString(layer.resolve("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1001:Alice:/home/alice:/bin/sh\n");
            Files.writeString(layer.resolve("etc/group"), "root:x:0:\nalice:x:1001:\naudio:x:29:alice\nvideo:x:44:\n");
            return layer;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Writes what an image adds to its layer. */
    interface Layer {
        void write(Path root) throws IOException;
    }

    /** @return the name of a new image: busybox and one layer */
    String with(String name, Layer content) {
        try {
            Path layer = Files.createDirectories(directory.resolve(name));
            content.write(layer);
            layers.put(name, List.of(layers.get("busybox").get(0), layer));
            return name;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public Image find(String reference) {
        if (!layers.containsKey(reference)) {
            return null;
        }
        Image.Config config = new Image.Config(
                List.of(), List.of("/bin/sh"), List.of("FROM_IMAGE=yes"), "", "", "", Map.of(), List.of(), volumes.getOrDefault(reference, List.of()));
        return new Image(reference, List.of(reference + ":latest"), List.of(), Instant.EPOCH, "linux", "amd64", "", List.of(), 0, config);
    }

    @Override
    public List<Path> layerDirectories(Image image) {
        return layers.get(image.id());
    }

    @Override
    public List<String> load(InputStream archive) {
        throw new UnsupportedOperationException("load");
    }

    @Override
    public List<Image> list() {
        throw new UnsupportedOperationException("list");
    }

    @Override
    public void tag(String reference, String newTag) {
        throw new UnsupportedOperationException("tag");
    }

    @Override
    public List<String> remove(String reference, boolean force) {
        throw new UnsupportedOperationException("remove");
    }
}
