package dev.starling.gossip;

import java.time.Duration;

/**
 * Parameters of the gossip machine, with the profiles {@link #lan()}, {@link #wan()}, {@link #local()}.
 *
 * <p>The time from a crash to everyone knowing is, in the median, about 0.7 {@code probeInterval} (somebody probes it) + 2
 * {@code probeTimeout} (direct, then through others) + {@code suspicionMin} (others confirm it, it does not refute). A node that stalls
 * for less than 2 {@code probeTimeout} + {@code suspicionMin} is therefore never declared dead: in the lan profile, 2.1 s.
 *
 * @param probeInterval      between two probes that a healthy node begins
 * @param probeTimeout       wait for an answer to a direct probe, and again for one through others
 * @param indirectProbes     members asked to probe in our place when the direct probe got no answer
 * @param suspicionMin       wait for a refutation once enough others confirm the suspicion
 * @param suspicionMaxFactor the same wait without any confirmation, as a multiple of {@code suspicionMin}
 * @param awarenessMax       how far a node that doubts its own health slows its probes down (Lifeguard); 0 switches it off
 * @param syncInterval       least time between two digest exchanges that this node begins
 * @param pushFanout         members that get a change at once from the node it happens on; with no more than these, everyone does
 * @param seedRetry          between two attempts to reach the seeds while no live member is known
 * @param maxMessageBytes    largest encoded message, and with it the largest object; also how much of what a peer lacks it gets at a time.
 *                           The same on all nodes: a smaller one refuses what a larger one sends
 */
public record GossipConfig(
        Duration probeInterval, Duration probeTimeout, int indirectProbes, Duration suspicionMin, int suspicionMaxFactor,
        int awarenessMax, Duration syncInterval, int pushFanout, Duration seedRetry, int maxMessageBytes) {
    /** A frame of the transport has at most 4 MiB. */
    private static final int MAX_MESSAGE_BYTES = (4 << 20) - (128 << 10);
    private static final int PIECE_BYTES = 64 << 10;
    /** A config of Docker's 1000 KiB takes 1.3 MiB in JSON, as base64. */
    private static final int MESSAGE_BYTES = 2 << 20;
    private static final Duration LONGEST = Duration.ofHours(1);

    public GossipConfig {
        positive("probeInterval", probeInterval);
        positive("probeTimeout", probeTimeout);
        positive("suspicionMin", suspicionMin);
        positive("syncInterval", syncInterval);
        positive("seedRetry", seedRetry);
        between("indirectProbes", indirectProbes, 0, 16);
        between("suspicionMaxFactor", suspicionMaxFactor, 1, 100);
        between("awarenessMax", awarenessMax, 0, 64);
        between("pushFanout", pushFanout, 1, 1024);
        between("maxMessageBytes", maxMessageBytes, 16 << 10, MAX_MESSAGE_BYTES);
    }

    /** Machines on one switched network. */
    public static GossipConfig lan() {
        return new GossipConfig(Duration.ofMillis(500), Duration.ofMillis(300), 3, Duration.ofMillis(1500), 4,
                8, Duration.ofSeconds(1), 16, Duration.ofSeconds(1), MESSAGE_BYTES);
    }

    /** Machines apart: radio links, the internet, SD cards that stall writers for seconds. */
    public static GossipConfig wan() {
        return new GossipConfig(Duration.ofSeconds(2), Duration.ofMillis(1500), 3, Duration.ofSeconds(6), 4,
                8, Duration.ofSeconds(4), 16, Duration.ofSeconds(5), MESSAGE_BYTES);
    }

    /** Several nodes on one machine, for development. */
    public static GossipConfig local() {
        return new GossipConfig(Duration.ofMillis(300), Duration.ofMillis(200), 2, Duration.ofMillis(800), 4,
                8, Duration.ofMillis(500), 16, Duration.ofMillis(500), MESSAGE_BYTES);
    }

    /**
     * What is cut is cut into pieces of this size: a node that takes one in (checks signatures, joins) is busy for some tens of milliseconds even
     * where it is slow, and answers probes in between. A single object that is larger travels alone.
     */
    public int pieceBytes() {
        return Math.min(maxMessageBytes, PIECE_BYTES);
    }

    /** The largest value of a record or body of an object: what is left of a message after its frame, names and certificates. */
    public int maxValueBytes() {
        return maxMessageBytes - (8 << 10);
    }

    public GossipConfig withProbeInterval(Duration value) {
        return new GossipConfig(value, probeTimeout, indirectProbes, suspicionMin, suspicionMaxFactor, awarenessMax,
                syncInterval, pushFanout, seedRetry, maxMessageBytes);
    }

    public GossipConfig withProbeTimeout(Duration value) {
        return new GossipConfig(probeInterval, value, indirectProbes, suspicionMin, suspicionMaxFactor, awarenessMax,
                syncInterval, pushFanout, seedRetry, maxMessageBytes);
    }

    public GossipConfig withIndirectProbes(int value) {
        return new GossipConfig(probeInterval, probeTimeout, value, suspicionMin, suspicionMaxFactor, awarenessMax,
                syncInterval, pushFanout, seedRetry, maxMessageBytes);
    }

    public GossipConfig withSuspicionMin(Duration value) {
        return new GossipConfig(probeInterval, probeTimeout, indirectProbes, value, suspicionMaxFactor, awarenessMax,
                syncInterval, pushFanout, seedRetry, maxMessageBytes);
    }

    public GossipConfig withSuspicionMaxFactor(int value) {
        return new GossipConfig(probeInterval, probeTimeout, indirectProbes, suspicionMin, value, awarenessMax,
                syncInterval, pushFanout, seedRetry, maxMessageBytes);
    }

    public GossipConfig withAwarenessMax(int value) {
        return new GossipConfig(probeInterval, probeTimeout, indirectProbes, suspicionMin, suspicionMaxFactor, value,
                syncInterval, pushFanout, seedRetry, maxMessageBytes);
    }

    public GossipConfig withSyncInterval(Duration value) {
        return new GossipConfig(probeInterval, probeTimeout, indirectProbes, suspicionMin, suspicionMaxFactor, awarenessMax,
                value, pushFanout, seedRetry, maxMessageBytes);
    }

    public GossipConfig withPushFanout(int value) {
        return new GossipConfig(probeInterval, probeTimeout, indirectProbes, suspicionMin, suspicionMaxFactor, awarenessMax,
                syncInterval, value, seedRetry, maxMessageBytes);
    }

    public GossipConfig withSeedRetry(Duration value) {
        return new GossipConfig(probeInterval, probeTimeout, indirectProbes, suspicionMin, suspicionMaxFactor, awarenessMax,
                syncInterval, pushFanout, value, maxMessageBytes);
    }

    public GossipConfig withMaxMessageBytes(int value) {
        return new GossipConfig(probeInterval, probeTimeout, indirectProbes, suspicionMin, suspicionMaxFactor, awarenessMax,
                syncInterval, pushFanout, seedRetry, value);
    }

    private static void positive(String name, Duration duration) {
        if (duration.toMillis() < 1 || duration.compareTo(LONGEST) > 0) {
            throw new IllegalArgumentException(name + " must be 1 ms to " + LONGEST.toHours() + " h, got " + duration.toMillis() + " ms");
        }
    }

    private static void between(String name, int value, int low, int high) {
        if (value < low || value > high) {
            throw new IllegalArgumentException(name + " must be " + low + " to " + high + ", got " + value);
        }
    }
}
