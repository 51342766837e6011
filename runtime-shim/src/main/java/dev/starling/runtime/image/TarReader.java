package dev.starling.runtime.image;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.image.TarEntry.Type;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.URLDecoder;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;

/**
 * Reads a tar stream: ustar, GNU long names and base-256 numbers, PAX records.
 *
 * <p>Why not the reader of commons-compress, whose writer is used beside it: it decodes PAX values as UTF-8, which destroys the binary value
 * of {@code security.capability}; it decodes names, so that some cannot be written back; it allocates what a header asks for; and an archive
 * that was cut between two entries reads as complete. Here every length is bounded, names stay bytes, and {@link #sawEnd} tells.
 *
 * <p>Source: POSIX.1-2017 pax, "ustar Interchange Format" and "pax Extended Header"; GNU tar manual, "Basic Tar Format".
 */
final class TarReader {
    private static final int BLOCK = 512;
    /** A kernel's extended attribute is at most 64 KiB, a path 4 KiB. */
    private static final int EXTENSION_LIMIT = 1 << 20;
    private static final int EXTENSIONS_LIMIT = 8;
    private static final String PAX_ATTRIBUTE = "SCHILY.xattr.";
    private static final String PAX_ATTRIBUTE_BASE64 = "LIBARCHIVE.xattr.";

    private final InputStream in;
    private final String where;
    private final byte[] block = new byte[BLOCK];
    private final byte[] skipped = new byte[1 << 16];
    private long remaining;
    private int padding;
    private boolean sawEnd;

    /** @param where names the archive for error messages: {@code "image archive"}, {@code "layer sha256:ab12.."} */
    TarReader(InputStream in, String where) {
        this.in = in;
        this.where = where;
    }

    /**
     * Skips what is left of the current entry.
     *
     * @return null after the last one
     * @throws RuntimeShimException INVALID where a header is none
     */
    TarEntry next() throws IOException {
        skipData();
        String longName = null;
        String longLink = null;
        Map<String, String> pax = Map.of();
        for (int extensions = 0; readBlock(); extensions++) {
            if (isZero()) {
                sawEnd = true;
                break;
            }
            verifyChecksum();
            long size = number(124, 12, "size");
            char flag = (char) (block[156] & 0xff);
            if ("xgLK".indexOf(flag) >= 0 && extensions == EXTENSIONS_LIMIT) {
                throw invalid("has more than " + EXTENSIONS_LIMIT + " extended headers before one entry");
            }
            switch (flag) {
                case 'x' -> pax = parsePax(extension(size));
                case 'g' -> extension(size); // defaults for all entries: archivers write only comments there
                case 'L' -> longName = upToNul(extension(size));
                case 'K' -> longLink = upToNul(extension(size));
                default -> {
                    return entry(flag, size, longName, longLink, pax);
                }
            }
        }
        if (longName != null || longLink != null || !pax.isEmpty()) {
            throw invalid("ends after an extended header");
        }
        return null;
    }

    /** Reads of the current entry's content; -1 at its end. */
    int read(byte[] buffer) throws IOException {
        if (remaining == 0) {
            return -1;
        }
        int count = in.read(buffer, 0, (int) Math.min(buffer.length, remaining));
        if (count < 0) {
            throw new EOFException("it ends within an entry");
        }
        remaining -= count;
        return count;
    }

    /** Whether the end-of-archive mark was met; without it the archive may have been cut. */
    boolean sawEnd() {
        return sawEnd;
    }

    private void skipData() throws IOException {
        while (remaining > 0) {
            read(skipped);
        }
        if (in.readNBytes(skipped, 0, padding) < padding) {
            throw new EOFException("it ends within an entry");
        }
        padding = 0;
    }

    private boolean readBlock() throws IOException {
        int count = in.readNBytes(block, 0, BLOCK);
        if (count != 0 && count < BLOCK) {
            throw new EOFException("it ends within a header");
        }
        return count == BLOCK;
    }

    private boolean isZero() {
        for (byte b : block) {
            if (b != 0) {
                return false;
            }
        }
        return true;
    }

    /** The sum of the header's bytes, the sum itself taken as spaces; some old archivers summed signed bytes. */
    private void verifyChecksum() {
        long unsigned = 0;
        long signed = 0;
        for (int i = 0; i < BLOCK; i++) {
            byte b = i >= 148 && i < 156 ? (byte) ' ' : block[i];
            unsigned += b & 0xff;
            signed += b;
        }
        long stored = number(148, 8, "checksum");
        if (stored != unsigned && stored != signed) {
            throw invalid("is no tar archive, or damaged: a header's checksum does not match");
        }
    }

    private String extension(long size) throws IOException {
        if (size > EXTENSION_LIMIT) {
            throw invalid("has an extended header of " + size + " bytes; " + EXTENSION_LIMIT + " are allowed");
        }
        remaining = size;
        padding = paddingOf(size);
        byte[] content = new byte[(int) size];
        if (in.readNBytes(content, 0, content.length) < content.length) {
            throw new EOFException("it ends within an extended header");
        }
        remaining = 0;
        skipData();
        return new String(content, ISO_8859_1);
    }

    /** Records are {@code "LENGTH KEY=VALUE\n"}, the length of all of it. */
    private Map<String, String> parsePax(String records) {
        Map<String, String> values = new HashMap<>();
        for (int start = 0; start < records.length(); ) {
            int space = records.indexOf(' ', start);
            int equals = records.indexOf('=', start);
            int length = space < 0 || space - start > 7 ? 0 : (int) decimal(records.substring(start, space), "PAX record length");
            int end = start + length;
            if (equals <= space || end > records.length() || end - 1 < equals || records.charAt(end - 1) != '\n') {
                throw invalid("has a malformed PAX header");
            }
            values.put(records.substring(space + 1, equals), records.substring(equals + 1, end - 1));
            start = end;
        }
        return values;
    }

    private TarEntry entry(char flag, long headerSize, String longName, String longLink, Map<String, String> pax) {
        String name = pax.getOrDefault("path", longName != null ? longName : headerName());
        String linkName = pax.getOrDefault("linkpath", longLink != null ? longLink : text(157, 100));
        if (name.indexOf('\0') >= 0 || linkName.indexOf('\0') >= 0) {
            throw invalid("entry '" + TarEntry.shown(name) + "' has a NUL in its name");
        }
        boolean sparse = flag == 'S' || pax.keySet().stream().anyMatch(key -> key.startsWith("GNU.sparse."));
        Type type = switch (sparse ? 'S' : flag) {
            case '0', '\0', '7' -> name.endsWith("/") ? Type.DIRECTORY : Type.FILE;
            case '1' -> Type.HARD_LINK;
            case '2' -> Type.SYMBOLIC_LINK;
            case '3' -> Type.CHARACTER_DEVICE;
            case '4' -> Type.BLOCK_DEVICE;
            case '5' -> Type.DIRECTORY;
            case '6' -> Type.FIFO;
            case 'S' -> throw invalid("entry '" + TarEntry.shown(name) + "' is a sparse file, which images do not hold");
            default -> throw invalid("entry '" + TarEntry.shown(name) + "' is of the unknown type '" + TarEntry.shown("" + flag) + "'");
        };
        long size = pax.containsKey("size") ? decimal(pax.get("size"), "size") : headerSize;
        remaining = type == Type.FILE ? size : 0;
        padding = paddingOf(remaining);
        Timestamp modified = pax.containsKey("mtime") ? Timestamp.parse(pax.get("mtime"), this) : new Timestamp(signedNumber(136, 12, "mtime"), 0);
        boolean device = type == Type.CHARACTER_DEVICE || type == Type.BLOCK_DEVICE;
        return new TarEntry(
                name, type, (int) number(100, 8, "mode") & 07777, owner(pax.get("uid"), 108), owner(pax.get("gid"), 116), remaining,
                modified.seconds, modified.nanos, linkName,
                device ? deviceNumber(329) : 0, device ? deviceNumber(337) : 0, extendedAttributes(pax));
    }

    private String headerName() {
        boolean posix = text(257, 6).equals("ustar") && block[262] == 0; // GNU's magic ends in spaces and has no prefix
        String prefix = posix ? text(345, 155) : "";
        return prefix.isEmpty() ? text(0, 100) : prefix + "/" + text(0, 100);
    }

    private int owner(String paxValue, int offset) {
        long id = paxValue != null ? decimal(paxValue, "owner") : number(offset, 8, "owner");
        if (id > 0xfffffffeL) {
            throw invalid("has the owner " + id + "; 4294967294 is the highest");
        }
        return (int) id;
    }

    private int deviceNumber(int offset) {
        long number = number(offset, 8, "device number");
        if (number > 0xfffff) {
            throw invalid("has the device number " + number);
        }
        return (int) number;
    }

    private Map<String, byte[]> extendedAttributes(Map<String, String> pax) {
        Map<String, byte[]> attributes = new HashMap<>();
        pax.forEach((key, value) -> {
            if (key.startsWith(PAX_ATTRIBUTE)) {
                attributes.put(key.substring(PAX_ATTRIBUTE.length()), value.getBytes(ISO_8859_1));
            } else if (key.startsWith(PAX_ATTRIBUTE_BASE64)) {
                try {
                    String name = URLDecoder.decode(key.substring(PAX_ATTRIBUTE_BASE64.length()), ISO_8859_1);
                    attributes.putIfAbsent(name, Base64.getMimeDecoder().decode(value));
                } catch (IllegalArgumentException malformed) {
                    throw invalid("has a malformed extended attribute");
                }
            }
        });
        return attributes;
    }

    private static int paddingOf(long size) {
        return (int) (-size & (BLOCK - 1));
    }

    private static String upToNul(String text) {
        int nul = text.indexOf('\0');
        return nul < 0 ? text : text.substring(0, nul);
    }

    private String text(int offset, int length) {
        return upToNul(new String(block, offset, length, ISO_8859_1));
    }

    private long number(int offset, int length, String what) {
        long number = signedNumber(offset, length, what);
        if (number < 0) {
            throw invalid("has the negative " + what + " " + number);
        }
        return number;
    }

    /** Octal digits between spaces and NULs, or, where the first bit is set, GNU's big-endian two's complement. */
    private long signedNumber(int offset, int length, String what) {
        if ((block[offset] & 0x80) != 0) {
            long value = (byte) (block[offset] << 1) >> 1; // the mark is not part of the number, the bit after it is the sign
            for (int i = 1; i < length; i++) {
                if (value > Long.MAX_VALUE >> 8 || value < Long.MIN_VALUE >> 8) {
                    throw invalid("has a " + what + " that is too large");
                }
                value = value << 8 | block[offset + i] & 0xff;
            }
            return value;
        }
        String digits = text(offset, length).trim();
        long value = 0;
        for (int i = 0; i < digits.length(); i++) { // at most 12 digits: 36 bits
            int digit = digits.charAt(i) - '0';
            if (digit < 0 || digit > 7) {
                throw invalid("is no tar archive, or damaged: the " + what + " '" + TarEntry.shown(digits) + "' is not octal");
            }
            value = value << 3 | digit;
        }
        return value;
    }

    private long decimal(String digits, String what) {
        if (digits.isEmpty() || digits.length() > 18 || !digits.chars().allMatch(c -> c >= '0' && c <= '9')) {
            throw invalid("has the " + what + " '" + TarEntry.shown(digits) + "'");
        }
        return Long.parseLong(digits);
    }

    private RuntimeShimException invalid(String what) {
        return RuntimeShimException.invalid(where + ": " + what);
    }

    /** {@code 1700000000.123456789}; before 1970 the fraction still counts forwards for the kernel. */
    private record Timestamp(long seconds, int nanos) {
        static Timestamp parse(String text, TarReader reader) {
            boolean negative = text.startsWith("-");
            int dot = text.indexOf('.');
            long seconds = reader.decimal(text.substring(negative ? 1 : 0, dot < 0 ? text.length() : dot), "mtime");
            String fraction = dot < 0 ? "" : text.substring(dot + 1);
            String nineDigits = (fraction + "000000000").substring(0, 9);
            int nanos = (int) reader.decimal(nineDigits, "mtime");
            if (!negative) {
                return new Timestamp(seconds, nanos);
            }
            return nanos == 0 ? new Timestamp(-seconds, 0) : new Timestamp(-seconds - 1, 1_000_000_000 - nanos);
        }
    }
}
