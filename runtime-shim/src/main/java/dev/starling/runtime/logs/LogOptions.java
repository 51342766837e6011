package dev.starling.runtime.logs;

import dev.starling.runtime.RuntimeShimException;
import java.util.Locale;
import java.util.Map;

/**
 * What is kept of a container's output. The drivers json-file and local differ in their defaults only: both write json-file's format.
 *
 * @param maxBytes of one file; {@code maxFiles} kept, the one being written included, 0 for none (driver none)
 */
public record LogOptions(long maxBytes, int maxFiles) {
    public static final LogOptions DEFAULT = new LogOptions(10_000_000, 3);
    private static final LogOptions LOCAL = new LogOptions(20_000_000, 5);
    private static final LogOptions NOTHING = new LogOptions(0, 0);

    public static LogOptions parse(String driver, Map<String, String> options) {
        return switch (driver) {
            case "", "json-file" -> parse("json-file", options, DEFAULT);
            case "local" -> parse(driver, options, LOCAL);
            case "none" -> {
                if (!options.isEmpty()) throw unknown(options.keySet().iterator().next(), driver);
                yield NOTHING;
            }
            default -> throw RuntimeShimException.unsupported("the logging driver \"" + driver + "\" (there are json-file, local and none)");
        };
    }

    private static RuntimeShimException unknown(String option, String driver) {
        return RuntimeShimException.invalid("unknown log opt '" + option + "' for " + driver + " log driver");
    }

    private static LogOptions parse(String driver, Map<String, String> options, LogOptions absent) {
        long maxBytes = absent.maxBytes;
        int maxFiles = absent.maxFiles;
        for (Map.Entry<String, String> option : options.entrySet()) {
            switch (option.getKey()) {
                case "max-size" -> maxBytes = size(option.getValue());
                case "max-file" -> maxFiles = count(option.getValue());
                case "mode" -> {
                    if (!option.getValue().equals("blocking")) throw RuntimeShimException.unsupported("log option mode=" + option.getValue());
                }
                default -> throw unknown(option.getKey(), driver);
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
