package dev.starling.node.config;

import java.util.List;

/**
 * What containers may log on this node, whatever their services say.
 *
 * @param bytesPerHour that all logs together may write to the disk; 0 for no limit
 */
public record LogSettings(long bytesPerHour) {
    public static final LogSettings DEFAULTS = new LogSettings(0);
    static final List<String> KEYS = List.of("bytes-per-hour");
    /** Below it one container's part would not hold a few of the longest lines. */
    private static final long LEAST = 256 << 10;

    /** @param section null where the file has none */
    static LogSettings read(Section section) {
        return section == null ? DEFAULTS : new LogSettings(section.read("bytes-per-hour", DEFAULTS.bytesPerHour, LogSettings::bytes));
    }

    private static long bytes(String text) {
        if (text.equals("off")) {
            return 0;
        }
        long bytes = ConfigLoader.bytes(text);
        if (bytes < LEAST) {
            throw new IllegalArgumentException("must be at least 256k, or off, got " + text);
        }
        return bytes;
    }
}
