package dev.starling.runtime.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.RuntimeShimException.Kind;
import dev.starling.runtime.image.Archives.Tar;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LayerUnpackerTest {
    private static final FileSystemCalls CALLS = new FileSystemCalls();
    private static final ImageLimits LIMITS = ImageLimits.defaults();

    @TempDir
    Path root;

    @BeforeEach
    void root() throws Exception {
        Root.required();
    }

    private static long unpack(byte[] layer, Path root, ImageLimits limits) throws Exception {
        return new LayerUnpacker(CALLS, limits, "layer sha256:ab12", root).unpack(new TarReader(new ByteArrayInputStream(layer), "test"));
    }

    private long unpack(Tar layer) throws Exception {
        return unpack(layer.toBytes(), root, LIMITS);
    }

    private String refusal(Tar layer) {
        RuntimeShimException failure = assertThrows(RuntimeShimException.class, () -> unpack(layer));
        assertEquals(Kind.INVALID, failure.kind(), failure.getMessage());
        return failure.getMessage();
    }

    @Test
    void keepsModesOwnersAndTimes() throws Exception {
        long size = unpack(new Tar()
                .directory("home")
                .entry("home/file", TarConstants.LF_NORMAL, Archives.bytes("hello"), entry -> {
                    entry.setMode(06755);
                    entry.setIds(1000, 70_000);
                })
                .entry("home/link", TarConstants.LF_SYMLINK, entry -> {
                    entry.setLinkName("/etc/passwd");
                    entry.setIds(1, 2);
                })
                .entry("tmp/", TarConstants.LF_DIR, entry -> entry.setMode(01777)));
        assertEquals(5, size);
        assertEquals("hello", Files.readString(root.resolve("home/file")));
        assertEquals(06755, (int) Root.unix(root.resolve("home/file"), "mode") & 07777);
        assertEquals(01777, (int) Root.unix(root.resolve("tmp"), "mode") & 07777);
        assertEquals(1000, Root.unix(root.resolve("home/file"), "uid"));
        assertEquals(70_000, Root.unix(root.resolve("home/file"), "gid"));
        assertEquals(1, Root.unix(root.resolve("home/link"), "uid"));
        assertEquals("/etc/passwd", Files.readSymbolicLink(root.resolve("home/link")).toString());
        for (String path : List.of("home", "home/file", "home/link", "tmp")) {
            assertEquals(1_700_000_000, Files.getLastModifiedTime(root.resolve(path), LinkOption.NOFOLLOW_LINKS).toInstant().getEpochSecond(), path);
        }
    }

    @Test
    void makesHardLinksDevicesAndFifos() throws Exception {
        unpack(new Tar()
                .file("a", "content")
                .hardLink("d/b", "./a")
                .hardLink("c", "/a")
                .entry("null", TarConstants.LF_CHR, entry -> {
                    entry.setDevMajor(1);
                    entry.setDevMinor(3);
                    entry.setMode(0666);
                })
                .entry("disk", TarConstants.LF_BLK, entry -> {
                    entry.setDevMajor(259);
                    entry.setDevMinor(70_000);
                })
                .entry("pipe", TarConstants.LF_FIFO, entry -> {}));
        assertEquals(3, Root.unix(root.resolve("d/b"), "nlink"));
        assertEquals(Root.unix(root.resolve("a"), "ino"), Root.unix(root.resolve("c"), "ino"));
        assertEquals(0020666, Root.unix(root.resolve("null"), "mode"));
        assertEquals(0x103L, Root.unix(root.resolve("null"), "rdev"));
        assertEquals(0060644, Root.unix(root.resolve("disk"), "mode"));
        assertEquals((70_000L & 0xff) | 259L << 8 | (70_000L & 0xfff00) << 12, Root.unix(root.resolve("disk"), "rdev"));
        assertEquals(0010644, Root.unix(root.resolve("pipe"), "mode"));
    }

    @Test
    void keepsCapabilitiesAndDropsWhatBelongsToTheHost() throws Exception {
        String capability = "\1\0\0\2\0\40\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
        unpack(new Tar().entry("ping", TarConstants.LF_NORMAL, Archives.bytes("x"), entry -> {
            entry.setIds(5, 5);
            entry.addPaxHeader("SCHILY.xattr.security.capability", capability);
            entry.addPaxHeader("SCHILY.xattr.user.note", "kept");
            entry.addPaxHeader("SCHILY.xattr.trusted.overlay.opaque", "y");
            entry.addPaxHeader("SCHILY.xattr.trusted.overlay.redirect", "/");
        }));
        assertArrayEquals(capability.getBytes(StandardCharsets.ISO_8859_1), Root.attribute(root.resolve("ping"), "security.capability"));
        assertArrayEquals(Archives.bytes("kept"), Root.attribute(root.resolve("ping"), "user.note"));
        assertNull(Root.attribute(root.resolve("ping"), "trusted.overlay.opaque"));
        assertNull(Root.attribute(root.resolve("ping"), "trusted.overlay.redirect"));
    }

    @Test
    void aMalformedCapabilityIsTheArchivesFault() {
        String message = refusal(new Tar().entry("ping", TarConstants.LF_NORMAL, entry -> entry.addPaxHeader("SCHILY.xattr.security.capability", "no")));
        assertTrue(message.contains("malformed extended attribute"), message);
    }

    @Test
    void whiteoutsBecomeDevicesAndOpaqueDirectories() throws Exception {
        unpack(new Tar().file("etc/.wh.passwd", "").directory("var").file("var/.wh..wh..opq", "").file(".wh..wh.plnk/1.2", "aufs"));
        assertEquals(0020000, (int) Root.unix(root.resolve("etc/passwd"), "mode") & 0170000);
        assertEquals(0L, Root.unix(root.resolve("etc/passwd"), "rdev"));
        assertTrue(Root.isOpaque(root.resolve("var")));
        assertFalse(Root.isOpaque(root.resolve("etc")));
        assertFalse(Files.exists(root.resolve(".wh..wh.plnk")));
    }

    @Test
    void anEntryAndItsWhiteoutReplaceWhatWasBelow() throws Exception {
        unpack(new Tar()
                .file(".wh.first", "").directory("first").file("first/in", "")
                .directory("last").file("last/in", "").file(".wh.last", "")
                .file(".wh.file", "").file("file", "new"));
        assertTrue(Root.isOpaque(root.resolve("first")));
        assertTrue(Root.isOpaque(root.resolve("last")));
        assertEquals("new", Files.readString(root.resolve("file")));
    }

    @Test
    void laterEntriesReplaceEarlierOnes() throws Exception {
        unpack(new Tar().symlink("a", "/etc/passwd").file("a", "file").directory("b").symlink("b", "a").file("c", "old").file("c", "new")
                .directory("d").file("d/in", "stays").directory("d"));
        assertFalse(Files.isSymbolicLink(root.resolve("a")));
        assertEquals("file", Files.readString(root.resolve("b")));
        assertEquals("new", Files.readString(root.resolve("c")));
        assertEquals("stays", Files.readString(root.resolve("d/in")));
    }

    @Test
    void namesAreBytes() throws Exception {
        unpack(new Tar().file("gr\u00fc\u00dfe/\ud83d\udc26", "bird"));
        try (Stream<Path> files = Files.walk(root)) {
            assertEquals(1, files.filter(Files::isRegularFile).count());
        }
        assertEquals(4L, Files.size(Path.of(root.toUri().resolve(root.toUri() + "/gr%C3%BC%C3%9Fe/%F0%9F%90%A6"))));
    }

    @Test
    void theRootsOwnEntryDescribesTheRoot() throws Exception {
        unpack(new Tar().entry("./", TarConstants.LF_DIR, entry -> entry.setMode(0711)));
        assertEquals(0711, (int) Root.unix(root, "mode") & 07777);
    }

    @ParameterizedTest
    @ValueSource(strings = {"../x", "x/../../etc/passwd", "a/..", "/../x", "./.././x"})
    void namesThatLeadOutsideAreRefused(String name) {
        assertEquals("image archive: entry '" + name + "' of layer sha256:ab12 leads outside the layer", refusal(new Tar().file(name, "")));
    }

    @Test
    void absoluteNamesCountFromTheRoot() throws Exception {
        unpack(new Tar().file("//etc/starling-test", "inside"));
        assertEquals("inside", Files.readString(root.resolve("etc/starling-test")));
    }

    @Test
    void nothingGoesThroughALink(@TempDir Path outside) throws Exception {
        String message = refusal(new Tar().symlink("a/out", outside.toString()).file("a/out/x", ""));
        assertTrue(message.endsWith("goes through 'out', which is not a directory"), message);
        refusal(new Tar().symlink("b", outside.toString()).file("b/.wh..wh..opq", ""));
        refusal(new Tar().symlink("c", ".").file("c/x", ""));
        refusal(new Tar().symlink("d", outside.toString()).hardLink("e", "d/secret"));
        refusal(new Tar().file("f", "").file("f/x", ""));
        try (Stream<Path> files = Files.list(outside)) {
            assertEquals(0, files.count());
        }
        assertNull(Root.attribute(outside, "trusted.overlay.opaque"));
    }

    /** The directory is still open from the entry before, and what has its name now is something else. */
    @Test
    void nothingGoesThroughADirectoryThatGaveWay(@TempDir Path outside) throws Exception {
        Files.writeString(outside.resolve("secret"), "s");
        Tar gone = new Tar().file("a/b/.wh..wh..opq", "").symlink("a/b", outside.toString());
        String message = refusal(gone.file("a/b/x", ""));
        assertTrue(message.endsWith("goes through 'b', which is not a directory"), message);
        refusal(new Tar().file("c/d/.wh..wh..opq", "").symlink("c/d", outside.toString()).hardLink("c/e", "c/d/secret"));
        refusal(new Tar().file("f/g/.wh..wh..opq", "").file("f/g", "").directory("f/g/h"));
        try (Stream<Path> files = Files.list(outside)) {
            assertEquals(List.of(outside.resolve("secret")), files.toList());
        }
    }

    /** Deep, up, beside, and a name that is the beginning of another. */
    @Test
    void entriesInAnyOrderOfDirectoriesComeToTheirPlaces() throws Exception {
        Tar layer = new Tar();
        List<String> names = List.of("a/b/c/d/1", "a/b/2", "a/bc/3", "a/b/c/d/4", "5", "a/b/c/d/e/6", "a/b/c/dd/7", "z/8", "a/b/c/9");
        names.forEach(name -> layer.file(name, name));
        unpack(layer.hardLink("a/b/c/d/10", "z/8").file("a/b/c/d/11", "after a link"));
        for (String name : names) {
            assertEquals(name, Files.readString(root.resolve(name)));
        }
        assertEquals("z/8", Files.readString(root.resolve("a/b/c/d/10")));
        assertEquals("after a link", Files.readString(root.resolve("a/b/c/d/11")));
    }

    @Test
    void hardLinksStayInTheLayer(@TempDir Path outside) throws Exception {
        Path secret = Files.writeString(outside.resolve("secret"), "s");
        refusal(new Tar().hardLink("a", secret.toString()));
        refusal(new Tar().hardLink("a", "../" + secret.getFileName()));
        refusal(new Tar().file("a", "").hardLink("a", "a"));
        refusal(new Tar().directory("d").hardLink("e", "d"));
        refusal(new Tar().hardLink("f", "."));
        assertEquals(1, Root.unix(secret, "nlink"));
    }

    @Test
    void directoriesWithContentAreNotReplaced() {
        assertTrue(refusal(new Tar().file("d/in", "").file("d", "")).endsWith("replaces a directory that is not empty"));
    }

    @Test
    void boundsHold() {
        ImageLimits few = new ImageLimits(1 << 20, 10, 1 << 10, 1 << 12, 4, 1 << 20, 3, 90, 10, 1 << 10);
        assertThrows(RuntimeShimException.class, () -> unpack(new Tar().file("1", "").file("2", "").file("3", "").file("4", "").toBytes(), root, few));
        assertThrows(RuntimeShimException.class, () -> unpack(new Tar().directory("a".repeat(30)).toBytes(), root, few));
        refusal(new Tar().file("n".repeat(256), ""));
        refusal(new Tar().file("d/".repeat(300) + "x", ""));
        refusal(new Tar().file("0123456789/".repeat(200) + "x", ""));
        refusal(new Tar().symlink("s", "t".repeat(5000)));
        refusal(new Tar().file("x/.wh.", ""));
        refusal(new Tar().file(".wh...", ""));
    }

    record HostileEntry(byte type, String name, String link) {}

    @Provide
    Arbitrary<List<HostileEntry>> hostileLayers() {
        Arbitrary<String> component = Arbitraries.of(
                "a", "b", "c", "a", "b", "..", ".", "", "etc", "OUT", ".wh.a", ".wh.b", ".wh..wh..opq", ".wh...", "\u00fc", "a\tb", "x".repeat(256));
        Arbitrary<String> name = component.list().ofMinSize(1).ofMaxSize(4).map(parts -> String.join("/", parts));
        Arbitrary<Byte> type = Arbitraries.of(
                TarConstants.LF_NORMAL, TarConstants.LF_DIR, TarConstants.LF_SYMLINK, TarConstants.LF_SYMLINK, TarConstants.LF_LINK,
                TarConstants.LF_FIFO, TarConstants.LF_CHR);
        return Combinators.combine(type, name, Arbitraries.oneOf(name, Arbitraries.of("OUT", "OUT/secret", "../OUT", "../../OUT/secret")))
                .as(HostileEntry::new).list().ofMinSize(1).ofMaxSize(10);
    }

    @Property(tries = 300)
    void hostileLayersTouchNothingOutside(@ForAll("hostileLayers") List<HostileEntry> entries) throws Exception {
        Root.required();
        Path base = Files.createTempDirectory("starling-hostile");
        try {
            Path inside = Files.createDirectory(base.resolve("inside"));
            Path outside = Files.createDirectory(base.resolve("OUT"));
            Path secret = Files.writeString(outside.resolve("secret"), "secret");
            Files.setLastModifiedTime(secret, java.nio.file.attribute.FileTime.fromMillis(5_000));
            Files.setLastModifiedTime(outside, java.nio.file.attribute.FileTime.fromMillis(5_000));
            Tar tar = new Tar();
            for (HostileEntry entry : entries) {
                String name = entry.name.replace("OUT", outside.toString());
                byte[] content = entry.type == TarConstants.LF_NORMAL && !name.isEmpty() && !name.endsWith("/") ? Archives.bytes("evil") : new byte[0];
                tar.entry(name.isEmpty() ? "." : name, entry.type, content, made -> {
                    made.setLinkName(entry.link.replace("OUT", outside.toString()));
                    made.setIds(12, 12);
                });
            }
            try {
                unpack(tar.toBytes(), inside, LIMITS);
            } catch (RuntimeShimException refused) {
                assertEquals(Kind.INVALID, refused.kind(), refused.getMessage());
            }
            assertEquals("secret", Files.readString(secret));
            assertEquals(1, Root.unix(secret, "nlink"));
            assertNull(Root.attribute(outside, "trusted.overlay.opaque"));
            for (Path path : List.of(secret, outside)) {
                assertEquals(5, Files.getLastModifiedTime(path).toInstant().getEpochSecond(), path.toString());
                assertEquals(0, Root.unix(path, "uid"));
            }
            try (Stream<Path> left = Files.list(base)) {
                assertEquals(2, left.count());
            }
        } finally {
            Disk.removeTree(base);
        }
    }
}
