package dev.starling.runtime.logs;

import java.time.InstantSource;

/**
 * How much the logs of all containers of a node may write to its disk, for flash wears out by what is written and not by what is kept. One container gets at
 * most a quarter of it, so that it takes four noisy ones to silence the others. Containers that crash and are started anew share the node's
 * part, which thus holds however many there are.
 */
final class NodeLogLimit {
    static final int MOST_ONE_IN = 4;

    private final long bytesPerHour;
    private final InstantSource clock;
    private final WriteAllowance all;

    /** @param bytesPerHour 0 for no limit */
    NodeLogLimit(long bytesPerHour, InstantSource clock) {
        this.bytesPerHour = bytesPerHour;
        this.clock = clock;
        this.all = new WriteAllowance(bytesPerHour);
    }

    /** For one container's log. */
    LogSink limited(JsonFileLog file, LogOptions options) {
        return bytesPerHour == 0 || options.maxFiles() == 0 ? file : new LimitedLog(file, clock, all, new WriteAllowance(bytesPerHour / MOST_ONE_IN), bytesPerHour);
    }
}
