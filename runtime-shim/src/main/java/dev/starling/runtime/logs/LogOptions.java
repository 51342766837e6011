package dev.starling.runtime.logs;

import dev.starling.runtime.ContainerSpec.Logging;
import dev.starling.runtime.RuntimeShimException;
import java.util.Locale;
import java.util.Map;

/**
 * What is kept of a container's output. The drivers json-file and local differ in their defaults only: both write json-file's format.
 *
 * @param maxBytes    of one file; {@code maxFiles} kept, the one being written included, 0 for none (driver none)
 * @param bufferBytes that wait in memory at most while the disk is slow; {@code whenFull} what happens then (mode)
 */
public record LogOptions(long maxBytes, int maxFiles, long bufferBytes, WhenFull whenFull) {
    public enum WhenFull {
        /** mode=blocking: the container, until the disk has taken some. */
        WAIT,
        /** mode=non-blocking: lines are dropped, and counted. */
        DROP
    }

    /** With mode=blocking. The agent's memory is small, and a node's containers may be many: two reads of a FIFO. */
    private static final long BLOCKING_BUFFER_BYTES = 128 << 10;
    private static final long DEFAULT_BUFFER_BYTES = 1 << 20;
    /** The buffers are the agent's memory, which is small. */
    private static final long MOST_BUFFER_BYTES = 16 << 20;
    public static final LogOptions DEFAULT = new LogOptions(10_000_000, 3);
    private static final LogOptions LOCAL = new LogOptions(20_000_000, 5);
    private static final LogOptions NOTHING = new LogOptions(0, 0);

    /** Who writes waits for the disk. */
    public LogOptions(long maxBytes, int maxFiles) {
        this(maxBytes, maxFiles, BLOCKING_BUFFER_BYTES, WhenFull.WAIT);
    }

    /** @throws RuntimeShimException UNSUPPORTED where the driver is none of ours, INVALID where it knows no such option or value */
    public static LogOptions parse(Logging logging) {
        String driver = logging.driver();
        Map<String, String> options = logging.options();
        return switch (driver) {
            case "", "json-file" -> parse("json-file", options, DEFAULT);
            case "local" -> parse(driver, options, LOCAL);
            case "none" -> {
                if (!options.isEmpty()) {
                    throw unknown(options.keySet().iterator().next(), driver);
                }
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
                case "max-size" -> maxBytes = size(option.getKey(), option.getValue(), 1_000);
                case "max-file" -> maxFiles = count(option.getValue());
                case "mode", "max-buffer-size" -> {} // below
                default -> throw unknown(option.getKey(), driver);
            }
        }
        return withMode(new LogOptions(maxBytes, maxFiles), options);
    }

    private static LogOptions withMode(LogOptions blocking, Map<String, String> options) {
        String size = options.get("max-buffer-size");
        return switch (options.getOrDefault("mode", "")) {
            case "", "blocking" -> {
                if (size != null) {
                    throw RuntimeShimException.invalid("log opt max-buffer-size is only supported with mode=non-blocking");
                }
                yield blocking;
            }
            case "non-blocking" -> {
                long bytes = size == null ? DEFAULT_BUFFER_BYTES : size("max-buffer-size", size, 1_024);
                if (bytes > MOST_BUFFER_BYTES) {
                    throw RuntimeShimException.unsupported("log option max-buffer-size=" + size + " (at most " + (MOST_BUFFER_BYTES >> 20) + "m)");
                }
                yield new LogOptions(blocking.maxBytes, blocking.maxFiles, bytes, WhenFull.DROP);
            }
            default -> throw RuntimeShimException.invalid("logging mode not supported: " + options.get("mode") + " (there are blocking and non-blocking)");
        };
    }

    /** {@code 10m}, {@code 512k}, {@code 1g}, {@code 1000}. @param kilo 1,000 or 1,024: Docker reads the size of files and that of memory differently */
    private static long size(String option, String text, long kilo) {
        String lower = text.trim().toLowerCase(Locale.ROOT);
        String digits = lower.endsWith("b") ? lower.substring(0, lower.length() - 1) : lower;
        long unit = digits.endsWith("k") ? kilo : digits.endsWith("m") ? kilo * kilo : digits.endsWith("g") ? kilo * kilo * kilo : 1;
        try {
            long size = Math.multiplyExact(Long.parseLong(unit == 1 ? digits : digits.substring(0, digits.length() - 1)), unit);
            if (size > 0) {
                return size;
            }
        } catch (NumberFormatException | ArithmeticException e) {
            // told below
        }
        throw RuntimeShimException.invalid("invalid value for log opt " + option + ": \"" + text + "\"");
    }

    private static int count(String text) {
        try {
            int count = Integer.parseInt(text.trim());
            if (count >= 1) {
                return count;
            }
        } catch (NumberFormatException e) {
            // told below
        }
        throw RuntimeShimException.invalid("invalid value for log opt max-file: \"" + text + "\"");
    }
}
