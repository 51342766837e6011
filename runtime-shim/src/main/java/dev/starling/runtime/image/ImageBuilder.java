package dev.starling.runtime.image;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;

/**
 * Makes small images out of files at hand, so that a machine with no registry in reach can try a cluster: an archive as {@code docker save}
 * writes it, which Docker loads too. The same calls give the same bytes on every machine and day, so the same image id on every node.
 *
 * <pre>
 * ImageBuilder.image("hello:1").architecture("arm64").file("bin/hello", 0755, program).cmd("/bin/hello").writeTo(out);
 * </pre>
 *
 * All content is held in memory. Not thread-safe.
 */
public final class ImageBuilder {
    private static final ObjectMapper JSON = new ObjectMapper();

    private record Node(byte type, int mode, byte[] content, String target) {}

    private final RegistryReference name;
    private final ObjectNode config = JSON.createObjectNode();
    private final List<Map<String, Node>> layers = new ArrayList<>();
    private String architecture = MachinePlatform.current().architecture();
    private String variant = "";
    private Instant created = Instant.parse("2024-01-01T00:00:00Z");

    private ImageBuilder(RegistryReference name) {
        this.name = name;
        layer();
    }

    /** @param name as in {@code docker build --tag} */
    public static ImageBuilder image(String name) {
        return new ImageBuilder(RegistryReference.parse(name));
    }

    /**
     * Debian's {@code busybox-static}, as the image of that name: the program, a link for each applet, root and nobody, a shell to run.
     *
     * @param program statically linked
     * @param applets as {@code busybox --list} prints them
     */
    public static ImageBuilder busybox(byte[] program, List<String> applets) {
        ImageBuilder image = image("busybox:latest")
                .file("bin/busybox", 0755, program)
                .directory("root", 0700)
                .directory("tmp", 01777)
                .text("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n")
                .text("etc/group", "root:x:0:\nnogroup:x:65534:\n")
                .env("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
                .cmd("sh");
        applets.stream().filter(applet -> !applet.equals("busybox")).forEach(applet -> image.symlink("bin/" + applet, "busybox"));
        return image;
    }

    /** The default is this machine's. */
    public ImageBuilder architecture(String ociName) {
        this.architecture = ociName;
        return this;
    }

    public ImageBuilder variant(String ociName) {
        this.variant = ociName;
        return this;
    }

    public ImageBuilder created(Instant instant) {
        this.created = instant;
        return this;
    }

    /** What follows goes into a new layer on top. A file named {@code .wh.NAME} there deletes NAME below. */
    public ImageBuilder layer() {
        layers.add(new TreeMap<>());
        return this;
    }

    /** Directories above it are made where nothing else makes them. */
    public ImageBuilder file(String path, int mode, byte[] content) {
        return put(path, new Node(TarConstants.LF_NORMAL, mode, content.clone(), ""));
    }

    /** A file of mode 0644. */
    public ImageBuilder text(String path, String content) {
        return file(path, 0644, content.getBytes(StandardCharsets.UTF_8));
    }

    public ImageBuilder symlink(String path, String target) {
        return put(path, new Node(TarConstants.LF_SYMLINK, 0777, new byte[0], target));
    }

    public ImageBuilder directory(String path, int mode) {
        return put(path, new Node(TarConstants.LF_DIR, mode, new byte[0], ""));
    }

    private ImageBuilder put(String path, Node node) {
        String relative = path.replaceFirst("^/+", "").replaceFirst("/+$", "");
        Map<String, Node> layer = layers.get(layers.size() - 1);
        for (int slash = relative.indexOf('/'); slash >= 0; slash = relative.indexOf('/', slash + 1)) {
            layer.putIfAbsent(relative.substring(0, slash), new Node(TarConstants.LF_DIR, 0755, new byte[0], ""));
        }
        layer.put(relative, node);
        return this;
    }

    public ImageBuilder cmd(String... command) {
        return texts("Cmd", command);
    }

    public ImageBuilder entrypoint(String... command) {
        return texts("Entrypoint", command);
    }

    /** {@code NAME=value} each; adds to what was given before. */
    public ImageBuilder env(String... variables) {
        ArrayNode array = config.withArray("/Env");
        for (String variable : variables) {
            array.add(variable);
        }
        return this;
    }

    public ImageBuilder user(String user) {
        config.put("User", user);
        return this;
    }

    public ImageBuilder workingDirectory(String directory) {
        config.put("WorkingDir", directory);
        return this;
    }

    public ImageBuilder stopSignal(String signal) {
        config.put("StopSignal", signal);
        return this;
    }

    public ImageBuilder label(String key, String value) {
        config.withObject("/Labels").put(key, value);
        return this;
    }

    /** @param port {@code 80/tcp} */
    public ImageBuilder exposedPort(String port) {
        config.withObject("/ExposedPorts").set(port, JSON.createObjectNode());
        return this;
    }

    public ImageBuilder volume(String path) {
        config.withObject("/Volumes").set(path, JSON.createObjectNode());
        return this;
    }

    private ImageBuilder texts(String key, String... values) {
        ArrayNode array = config.putArray(key);
        for (String value : values) {
            array.add(value);
        }
        return this;
    }

    /** Writes the archive; does not close {@code out}. */
    public void writeTo(OutputStream out) throws IOException {
        ObjectNode document = JSON.createObjectNode();
        document.put("architecture", architecture);
        if (!variant.isEmpty()) {
            document.put("variant", variant);
        }
        document.put("os", "linux");
        document.put("created", created.toString());
        document.set("config", config);
        ArrayNode diffIds = document.putObject("rootfs").put("type", "layers").putArray("diff_ids");

        ObjectNode manifest = JSON.createObjectNode();
        TarArchiveOutputStream archive = tar(out);
        ArrayNode layerNames = JSON.createArrayNode();
        Set<Digest> written = new HashSet<>();
        for (Map<String, Node> layer : layers) {
            byte[] content = layerTar(layer);
            Digest digest = Digest.of(content);
            String layerName = digest.hex() + "/layer.tar";
            diffIds.add(digest.toString());
            layerNames.add(layerName);
            if (written.add(digest)) {
                add(archive, layerName, new Node(TarConstants.LF_NORMAL, 0644, content, ""));
            }
        }
        byte[] configBytes = JSON.writeValueAsBytes(document);
        String configName = Digest.of(configBytes).hex() + ".json";
        add(archive, configName, new Node(TarConstants.LF_NORMAL, 0644, configBytes, ""));
        manifest.put("Config", configName);
        manifest.putArray("RepoTags").add(name.familiar());
        manifest.set("Layers", layerNames);
        byte[] manifestBytes = JSON.writeValueAsBytes(JSON.createArrayNode().add(manifest));
        add(archive, ArchivedImage.DOCKER_MANIFEST, new Node(TarConstants.LF_NORMAL, 0644, manifestBytes, ""));
        archive.finish();
    }

    /** The archive, in memory. */
    public byte[] toBytes() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try {
            writeTo(bytes);
        } catch (IOException impossible) {
            throw new UncheckedIOException("writing to memory", impossible);
        }
        return bytes.toByteArray();
    }

    private byte[] layerTar(Map<String, Node> layer) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        TarArchiveOutputStream tar = tar(bytes);
        for (Map.Entry<String, Node> entry : layer.entrySet()) {
            add(tar, entry.getKey() + (entry.getValue().type == TarConstants.LF_DIR ? "/" : ""), entry.getValue());
        }
        tar.finish();
        return bytes.toByteArray();
    }

    private static TarArchiveOutputStream tar(OutputStream out) {
        TarArchiveOutputStream tar = new TarArchiveOutputStream(out, "UTF-8");
        tar.setLongFileMode(TarArchiveOutputStream.LONGFILE_POSIX);
        tar.setBigNumberMode(TarArchiveOutputStream.BIGNUMBER_POSIX);
        return tar;
    }

    private void add(TarArchiveOutputStream tar, String path, Node node) throws IOException {
        TarArchiveEntry entry = new TarArchiveEntry(path, node.type);
        entry.setMode(node.mode);
        entry.setIds(0, 0);
        entry.setNames("", ""); // the default is whoever runs this
        entry.setModTime(FileTime.from(created));
        entry.setLinkName(node.target);
        entry.setSize(node.content.length);
        tar.putArchiveEntry(entry);
        tar.write(node.content);
        tar.closeArchiveEntry();
    }
}
