package dev.starling.runtime.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.runtime.RuntimeShimException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import net.jqwik.api.constraints.NotEmpty;
import net.jqwik.api.constraints.Size;
import net.jqwik.api.constraints.StringLength;
import net.jqwik.api.constraints.UniqueElements;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.junit.jupiter.api.Test;

class TarReaderTest {
    private static TarReader reader(byte[] archive) {
        return new TarReader(new ByteArrayInputStream(archive), "test");
    }

    private static byte[] content(TarReader reader) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        byte[] buffer = new byte[100];
        for (int count = reader.read(buffer); count >= 0; count = reader.read(buffer)) {
            bytes.write(buffer, 0, count);
        }
        return bytes.toByteArray();
    }

    @Property(tries = 200)
    void readsWhatCommonsCompressWrites(
            @ForAll @NotEmpty @StringLength(max = 300) String name, @ForAll @Size(max = 2000) byte[] content, @ForAll @IntRange(max = 07777) int mode,
            @ForAll @LongRange(min = 0, max = 0xfffffffeL) long owner, @ForAll @LongRange(min = -(1L << 40), max = 1L << 40) long seconds)
            throws IOException {
        String path = "x" + name.replace('\0', '0').replaceAll("[\\p{Cs}/]", "s");
        byte[] archive = new Archives.Tar()
                .entry(path, TarConstants.LF_NORMAL, content, entry -> {
                    entry.setMode(mode);
                    entry.setUserId(owner);
                    entry.setGroupId(owner);
                    entry.setModTime(java.nio.file.attribute.FileTime.from(java.time.Instant.ofEpochSecond(seconds)));
                })
                .file("after", "it")
                .toBytes();
        TarReader reader = reader(archive);
        TarEntry entry = reader.next();
        assertEquals(path, new String(entry.name().getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8));
        assertEquals(mode, entry.mode());
        assertEquals(owner, Integer.toUnsignedLong(entry.userId()));
        assertEquals(owner, Integer.toUnsignedLong(entry.groupId()));
        assertEquals(seconds, entry.modifiedSeconds());
        assertArrayEquals(content, content(reader));
        assertEquals("after", reader.next().name());
        assertNull(reader.next());
        assertTrue(reader.sawEnd());
    }

    @Test
    void extendedAttributesAreBytes() throws IOException {
        // cap_setuid,cap_net_raw+ep: not UTF-8
        byte[] capability = {1, 0, 0, 2, (byte) 0x80, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
        String record = "SCHILY.xattr.security.capability=" + new String(capability, StandardCharsets.ISO_8859_1) + "\n";
        byte[] archive = withPax((record.length() + 3) + " " + record);
        assertArrayEquals(capability, reader(archive).next().extendedAttributes().get("security.capability"));
    }

    /** A PAX header with these records, before a file named "file". */
    private static byte[] withPax(String records) {
        byte[] both = new Archives.Tar()
                .entry("pax", TarConstants.LF_PAX_EXTENDED_HEADER_LC, records.getBytes(StandardCharsets.ISO_8859_1), entry -> {})
                .file("file", "content")
                .toBytes();
        return both;
    }

    @Test
    void paxValuesOverrideTheHeader() throws IOException {
        TarEntry entry = reader(withPax("13 path=long\n14 uid=100000\n23 mtime=1700000000.25\n")).next();
        assertEquals("long", entry.name());
        assertEquals(100000, entry.userId());
        assertEquals(1_700_000_000, entry.modifiedSeconds());
        assertEquals(250_000_000, entry.modifiedNanos());
    }

    @Test
    void timesBefore1970CountForwards() throws IOException {
        TarEntry entry = reader(withPax("15 mtime=-1.25\n")).next();
        assertEquals(-2, entry.modifiedSeconds());
        assertEquals(750_000_000, entry.modifiedNanos());
    }

    @Test
    void gnuLongNamesAreRead() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        TarArchiveOutputStream out = new TarArchiveOutputStream(bytes);
        out.setLongFileMode(TarArchiveOutputStream.LONGFILE_GNU);
        String name = "d/".repeat(150) + "file";
        TarArchiveEntry link = new TarArchiveEntry(name, TarConstants.LF_SYMLINK);
        link.setLinkName(name + "2");
        out.putArchiveEntry(link);
        out.closeArchiveEntry();
        out.finish();
        TarEntry entry = reader(bytes.toByteArray()).next();
        assertEquals(name, entry.name());
        assertEquals(name + "2", entry.linkName());
    }

    @Test
    void malformedPaxHeadersAreRefused() {
        for (String records : new String[] {
            "5 a=b", "0 a=b\n", "99 a=b\n", "7 a=b\n", "-6 a=b\n", "x a=b\n", "6 ab\nc", "12 uid=12345x\n", "18 uid=4294967295\n", "13 size=-100\n",
            "12 mtime=zz\n", "9 path=\0\n", "23 GNU.sparse.major=1\n",
        }) {
            RuntimeShimException failure = assertThrows(RuntimeShimException.class, () -> reader(withPax(records)).next(), records);
            assertEquals(RuntimeShimException.Kind.INVALID, failure.kind());
        }
    }

    @Test
    void aHugeExtendedHeaderIsRefusedBeforeItIsRead() {
        byte[] archive = withPax(" ".repeat((1 << 20) + 1));
        assertThrows(RuntimeShimException.class, () -> reader(Arrays.copyOf(archive, 512)).next());
    }

    @Test
    void endlessExtendedHeadersAreRefused() {
        Archives.Tar tar = new Archives.Tar();
        for (int i = 0; i < 9; i++) {
            tar.entry("pax", TarConstants.LF_PAX_EXTENDED_HEADER_LC, Archives.bytes("6 a=b\n"), entry -> {});
        }
        assertThrows(RuntimeShimException.class, () -> reader(tar.file("file", "").toBytes()).next());
    }

    @Test
    void anArchiveCutBetweenEntriesIsToldFromAWholeOne() throws IOException {
        byte[] archive = new Archives.Tar().file("a", "1").file("b", "2").toBytes();
        TarReader reader = reader(Arrays.copyOf(archive, 1024));
        assertEquals("a", reader.next().name());
        assertNull(reader.next());
        assertFalse(reader.sawEnd());
    }

    @Property(tries = 300)
    void damagedArchivesNeverDoMoreThanFail(@ForAll @Size(min = 1, max = 6) @UniqueElements int[] positions, @ForAll byte value) {
        byte[] archive = new Archives.Tar().file("a", "1").directory("d").symlink("s", "a").file("n".repeat(200), "2").toBytes();
        for (int position : positions) {
            archive[Math.floorMod(position, archive.length)] = value;
        }
        TarReader reader = reader(archive);
        try {
            while (reader.next() != null) {
                content(reader);
            }
        } catch (RuntimeShimException | IOException refused) {
            // either is an answer
        }
    }
}
