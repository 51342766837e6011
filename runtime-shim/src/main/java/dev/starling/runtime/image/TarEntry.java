package dev.starling.runtime.image;

import java.nio.charset.StandardCharsets;
import java.util.Map;

/**
 * One entry of a tar archive, as it was written: nothing is normalised or trusted here.
 *
 * <p>Names are bytes on Linux, and a JVM in the C locale cannot even name a file "ü". So {@code name} and {@code linkName} hold one byte in
 * each char (ISO 8859-1), which loses nothing and goes back to the kernel as it came; {@link #shown} makes them readable.
 *
 * @param mode             permission bits with setuid, setgid and sticky
 * @param userId           unsigned; all bits set is refused by the reader (chown would take it for "leave as it is")
 * @param extendedAttributes name without the archiver's prefix -> value
 */
record TarEntry(
        String name, Type type, int mode, int userId, int groupId, long size, long modifiedSeconds, int modifiedNanos, String linkName,
        int deviceMajor, int deviceMinor, Map<String, byte[]> extendedAttributes) {

    private static final int SHOWN_LENGTH = 200;

    enum Type { FILE, DIRECTORY, SYMBOLIC_LINK, HARD_LINK, CHARACTER_DEVICE, BLOCK_DEVICE, FIFO }

    /** A raw name for a message: as UTF-8, control characters replaced, at most 200 characters. */
    static String shown(String raw) {
        if (raw.length() <= SHOWN_LENGTH && raw.chars().allMatch(c -> c >= ' ' && c <= '~')) {
            return raw; // nearly all, and this is asked for each entry of a layer
        }
        String text = new String(raw.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8).replaceAll("\\p{Cntrl}", "\uFFFD");
        return text.length() > SHOWN_LENGTH ? text.substring(0, SHOWN_LENGTH) + "..." : text;
    }

    String shownName() {
        return shown(name);
    }
}
