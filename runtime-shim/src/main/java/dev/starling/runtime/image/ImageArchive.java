package dev.starling.runtime.image;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.starling.runtime.RuntimeShimException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;

/**
 * An archive's files, spooled to disk under numbers. An archive tells only at its end (or wherever {@code manifest.json} happens to stand)
 * what its files are, and it comes as a stream, so they have to wait somewhere; names from the archive are keys of a map and never paths.
 */
final class ImageArchive {
    static final String WHERE = "image archive";
    private static final int LINKS_LIMIT = 8;
    /** Of names in the archive, which are held in memory; those of honest ones are about 80 characters. */
    private static final int NAME_LIMIT = 1_024;
    private static final ObjectMapper JSON = new ObjectMapper();

    /** @param digest of the content as it is in the archive, compressed or not */
    record Member(String name, Path content, Digest digest, long size) {}

    private final ImageLimits limits;
    private final Map<String, Member> members = new HashMap<>();
    /** docker save of old wrote a layer that several images share once, and symbolic links for the others. */
    private final Map<String, String> links = new HashMap<>();
    private long documentBytes;

    private ImageArchive(ImageLimits limits) {
        this.limits = limits;
    }

    /** @param directory empty; the files stay there until the caller removes it */
    static ImageArchive spool(InputStream source, Path directory, ImageLimits limits) {
        ImageArchive archive = new ImageArchive(limits);
        try (InputStream plain = Decompressor.open(source, WHERE, limits.archiveBytes(), limits)) {
            TarReader tar = new TarReader(plain, WHERE);
            int count = 0;
            for (TarEntry entry = tar.next(); entry != null; entry = tar.next()) {
                if (++count > limits.archiveEntries()) {
                    throw RuntimeShimException.invalid(WHERE + " has more than " + limits.archiveEntries() + " entries");
                }
                archive.take(entry, tar, directory.resolve(Integer.toString(count)));
            }
            if (!tar.sawEnd()) {
                throw RuntimeShimException.invalid(WHERE + " is truncated: it has no end mark");
            }
            plain.transferTo(OutputStream.nullOutputStream()); // a compressed stream has its checksum at its end
        } catch (IOException failure) {
            throw unreadable(WHERE, failure);
        }
        return archive;
    }

    /** What a stream's failure means: it is damaged or cut. */
    static RuntimeShimException unreadable(String where, IOException cause) {
        return new RuntimeShimException(
                RuntimeShimException.Kind.INVALID, where + " is truncated or damaged: " + cause.getMessage(), 0, cause);
    }

    private void take(TarEntry entry, TarReader tar, Path target) throws IOException {
        if (entry.name().length() > NAME_LIMIT || entry.linkName().length() > NAME_LIMIT) {
            throw RuntimeShimException.invalid(WHERE + ": '" + entry.shownName() + "' has a name of more than " + NAME_LIMIT + " bytes");
        }
        String name = normal(entry.name());
        switch (entry.type()) {
            case FILE -> {
                if (members.containsKey(name) || links.containsKey(name)) {
                    throw RuntimeShimException.invalid(WHERE + ": '" + entry.shownName() + "' appears twice");
                }
                members.put(name, spool(name, tar, target));
            }
            case SYMBOLIC_LINK -> links.put(name, normal(parent(name) + entry.linkName()));
            case HARD_LINK -> links.put(name, normal(entry.linkName()));
            case DIRECTORY -> { }
            case CHARACTER_DEVICE, BLOCK_DEVICE, FIFO ->
                    throw RuntimeShimException.invalid(WHERE + ": '" + entry.shownName() + "' is a device or fifo");
        }
    }

    private static Member spool(String name, TarReader tar, Path target) throws IOException {
        MessageDigest digest = Digest.sha256();
        byte[] buffer = new byte[1 << 16];
        long size = 0;
        try (OutputStream out = Disk.create(target)) {
            for (int count = tar.read(buffer); count >= 0; count = tar.read(buffer)) {
                digest.update(buffer, 0, count);
                Disk.write(out, buffer, count, target);
                size += count;
            }
        }
        return new Member(name, target, Digest.of(digest), size);
    }

    private static String parent(String name) {
        return name.substring(0, name.lastIndexOf('/') + 1);
    }

    /** {@code ./a/b/../c} -> {@code a/c}. Only a key, so leading outside is harmless: it finds nothing. */
    private static String normal(String name) {
        Deque<String> components = new ArrayDeque<>();
        for (String component : name.split("/")) {
            switch (component) {
                case "", "." -> { }
                case ".." -> components.pollLast();
                default -> components.addLast(component);
            }
        }
        return String.join("/", components);
    }

    boolean has(String name) {
        return members.containsKey(name);
    }

    /** @throws RuntimeShimException INVALID where it is not there */
    Member member(String name) {
        String at = normal(name);
        for (int hops = 0; hops < LINKS_LIMIT && !members.containsKey(at) && links.containsKey(at); hops++) {
            at = links.get(at);
        }
        Member member = members.get(at);
        if (member == null) {
            throw RuntimeShimException.invalid(WHERE + ": '" + TarEntry.shown(name) + "' is missing");
        }
        return member;
    }

    /** A blob of an OCI layout; its content is what its name says. */
    Member blob(Digest digest) {
        Member member = member("blobs/sha256/" + digest.hex());
        verify(member, digest);
        return member;
    }

    static void verify(Member member, Digest expected) {
        if (!member.digest().equals(expected)) {
            throw RuntimeShimException.invalid(
                    WHERE + ": '" + TarEntry.shown(member.name()) + "' has the digest " + member.digest() + " instead of " + expected);
        }
    }

    byte[] document(Member member) {
        if (member.size() > limits.documentBytes()) {
            throw RuntimeShimException.invalid(WHERE + ": '" + TarEntry.shown(member.name()) + "' has " + member.size() + " bytes; "
                    + limits.documentBytes() + " are allowed for a document");
        }
        documentBytes += member.size(); // again for each reading: a manifest may name one config a thousand times
        if (documentBytes > limits.allDocumentBytes()) {
            throw RuntimeShimException.invalid(WHERE + " has more than " + limits.allDocumentBytes() + " bytes of manifests and configs");
        }
        try {
            return Files.readAllBytes(member.content());
        } catch (IOException failure) {
            throw Disk.failed("read " + member.content(), failure);
        }
    }

    static JsonNode json(byte[] document, String where) {
        try {
            return JSON.readTree(document);
        } catch (JsonProcessingException malformed) {
            throw unreadable(where, malformed);
        } catch (IOException impossible) {
            throw new IllegalStateException("reading from memory", impossible);
        }
    }

    JsonNode json(Member member) {
        return json(document(member), WHERE + ": '" + TarEntry.shown(member.name()) + "'");
    }
}
