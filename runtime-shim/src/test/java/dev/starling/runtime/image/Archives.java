package dev.starling.runtime.image;

import com.github.luben.zstd.Zstd;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.zip.GZIPOutputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;

/** Archives for tests, honest and hostile, written by commons-compress: another implementation than the one that reads them. */
final class Archives {
    private Archives() {}

    /** A tar, entry by entry, with nothing checked. */
    static final class Tar {
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        private final TarArchiveOutputStream out = new TarArchiveOutputStream(bytes, "UTF-8");

        Tar() {
            out.setLongFileMode(TarArchiveOutputStream.LONGFILE_POSIX);
            out.setBigNumberMode(TarArchiveOutputStream.BIGNUMBER_POSIX);
        }

        Tar entry(String name, byte type, byte[] content, Consumer<TarArchiveEntry> more) {
            try {
                TarArchiveEntry entry = new TarArchiveEntry(name, type, true);
                entry.setMode(type == TarConstants.LF_DIR ? 0755 : 0644);
                entry.setModTime(1_700_000_000_000L);
                entry.setIds(0, 0);
                entry.setNames("", "");
                entry.setSize(content.length);
                more.accept(entry);
                out.putArchiveEntry(entry);
                out.write(content);
                out.closeArchiveEntry();
            } catch (IOException failure) {
                throw new UncheckedIOException(failure);
            }
            return this;
        }

        Tar entry(String name, byte type, Consumer<TarArchiveEntry> more) {
            return entry(name, type, new byte[0], more);
        }

        Tar file(String name, String content) {
            return file(name, bytes(content));
        }

        Tar file(String name, byte[] content) {
            return entry(name, TarConstants.LF_NORMAL, content, entry -> {});
        }

        Tar directory(String name) {
            return entry(name + "/", TarConstants.LF_DIR, entry -> {});
        }

        Tar symlink(String name, String target) {
            return entry(name, TarConstants.LF_SYMLINK, entry -> entry.setLinkName(target));
        }

        Tar hardLink(String name, String target) {
            return entry(name, TarConstants.LF_LINK, entry -> entry.setLinkName(target));
        }

        byte[] toBytes() {
            try {
                out.finish();
            } catch (IOException failure) {
                throw new UncheckedIOException(failure);
            }
            return bytes.toByteArray();
        }
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static byte[] gzip(byte[] content) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (OutputStream out = new GZIPOutputStream(bytes)) {
            out.write(content);
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
        return bytes.toByteArray();
    }

    static byte[] zstd(byte[] content) {
        return Zstd.compress(content);
    }

    static String quoted(List<String> texts) {
        return texts.stream().map(text -> '"' + text + '"').collect(Collectors.joining(",", "[", "]"));
    }

    static byte[] config(String architecture, byte[]... layers) {
        List<String> diffIds = new ArrayList<>();
        for (byte[] layer : layers) {
            diffIds.add(Digest.of(layer).toString());
        }
        return bytes("{\"architecture\":\"" + architecture + "\",\"os\":\"linux\",\"config\":{\"Cmd\":[\"sh\"]},"
                + "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":" + quoted(diffIds) + "}}");
    }

    /** docker save of the given plain layers. */
    static byte[] dockerSave(String tag, byte[]... layers) {
        Tar tar = new Tar();
        List<String> names = new ArrayList<>();
        for (int i = 0; i < layers.length; i++) {
            names.add(i + "/layer.tar");
            tar.file(i + "/layer.tar", layers[i]);
        }
        return tar.file("config.json", config("amd64", layers))
                .file("manifest.json", "[{\"Config\":\"config.json\",\"RepoTags\":[\"" + tag + "\"],\"Layers\":" + quoted(names) + "}]")
                .toBytes();
    }

    /** An OCI layout, blob by blob. */
    static final class Layout {
        private final Map<String, byte[]> blobs = new LinkedHashMap<>();

        /** @return the blob's descriptor */
        String blob(String mediaType, byte[] content, String more) {
            Digest digest = Digest.of(content);
            blobs.put("blobs/sha256/" + digest.hex(), content);
            return "{\"mediaType\":\"" + mediaType + "\",\"digest\":\"" + digest + "\",\"size\":" + content.length + more + "}";
        }

        /** @param packed how the layer's blob is compressed */
        String image(String architecture, String variant, byte[] layer, byte[] packed, String more) {
            String config = blob("application/vnd.oci.image.config.v1+json", config(architecture, layer), "");
            String layerDescriptor = blob("application/vnd.oci.image.layer.v1.tar", packed, "");
            return blob("application/vnd.oci.image.manifest.v1+json",
                    bytes("{\"schemaVersion\":2,\"config\":" + config + ",\"layers\":[" + layerDescriptor + "]}"),
                    ",\"platform\":{\"os\":\"linux\",\"architecture\":\"" + architecture + "\",\"variant\":\"" + variant + "\"}" + more);
        }

        String index(String more, String... descriptors) {
            return blob("application/vnd.oci.image.index.v1+json", indexDocument(descriptors), more);
        }

        byte[] indexDocument(String... descriptors) {
            return bytes("{\"schemaVersion\":2,\"manifests\":[" + String.join(",", descriptors) + "]}");
        }

        byte[] archive(String... descriptors) {
            Tar tar = new Tar().file("oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
            blobs.forEach(tar::file);
            return tar.file("index.json", indexDocument(descriptors)).toBytes();
        }
    }

    static String named(String name) {
        return ",\"annotations\":{\"io.containerd.image.name\":\"" + name + "\"}";
    }
}
