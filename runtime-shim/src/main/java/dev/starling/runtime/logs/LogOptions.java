package dev.starling.runtime.logs;

import dev.starling.runtime.RuntimeShimException;
import java.util.Locale;
import java.util.Map;

/** Docker's json-file options. @param maxBytes of one file; {@code maxFiles} kept, the one being written included */
public record LogOptions(long maxBytes, int maxFiles) {
    public static final LogOptions DEFAULT = new LogOptions(10_000_000, 3);

    public static LogOptions parse(Map<String, String> options) {
        long maxBytes = DEFAULT.maxBytes;
        int maxFiles = DEFAULT.maxFiles;
        for (Map.Entry<String, String> option : options.entrySet()) {
            switch (option.getKey()) {
                case "max-size" -> maxBytes = size(option.getValue());
                case "max-file" -> maxFiles = count(option.getValue());
                default -> throw RuntimeShimException.invalid("unknown log opt '" + option.getKey() + "' for json-file log driver");
            }
        }
        return new LogOptions(maxBytes, maxFiles);
    }

    /** {@code 10m}, {@code 512k}, {@code 1g}, {@code 1000}: decimal, as Docker reads them. */
    private static long size(String text) {
        String lower = text.trim().toLowerCase(Locale.ROOT);
        String digits = lower.endsWith("b") ? lower.substring(0, lower.length() - 1) : lower;
        long unit = digits.endsWith("k") ? 1_000 : digits.endsWith("m") ? 1_000_000 : digits.endsWith("g") ? 1_000_000_000 : 1;
        try {
            long size = Math.multiplyExact(Long.parseLong(unit == 1 ? digits : digits.substring(0, digits.length() - 1)), unit);
            if (size > 0) return size;
        } catch (NumberFormatException | ArithmeticException e) {
            // told below
        }
        throw RuntimeShimException.invalid("invalid value for log opt max-size: \"" + text + "\"");
    }

    private static int count(String text) {
        try {
            int count = Integer.parseInt(text.trim());
            if (count >= 1) return count;
        } catch (NumberFormatException e) {
            // told below
        }
        throw RuntimeShimException.invalid("invalid value for log opt max-file: \"" + text + "\"");
    }
}
