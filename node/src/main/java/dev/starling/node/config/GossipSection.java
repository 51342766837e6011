package dev.starling.node.config;

import dev.starling.gossip.GossipConfig;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The parameters of gossip in starling.yml, each by itself: what the file does not set stays as the profile has it. Durations carry a unit, for
 * "300" would be read as seconds by one half of its readers.
 */
final class GossipSection {
    /** In the order of the components of {@link GossipConfig}. */
    static final List<String> KEYS = List.of("probe-interval", "probe-timeout", "indirect-probes", "suspicion-min", "suspicion-max-factor",
            "awareness-max", "sync-interval", "push-fanout", "seed-retry", "max-message-bytes");

    private static final Pattern DURATION = Pattern.compile("([0-9]{1,9})\\s*(ms|s|m|h)");
    private static final Map<String, Long> UNIT_MILLIS = Map.of("ms", 1L, "s", 1_000L, "m", 60_000L, "h", 3_600_000L);
    private static final Pattern WHOLE = Pattern.compile("[0-9]{1,9}");

    /** @param s null where the file has no such section */
    static GossipConfig read(Section s, GossipConfig profile) {
        if (s == null) {
            return profile;
        }
        GossipConfig config = profile;
        config = changed(s, config, "probe-interval", GossipSection::duration, GossipConfig::withProbeInterval);
        config = changed(s, config, "probe-timeout", GossipSection::duration, GossipConfig::withProbeTimeout);
        config = changed(s, config, "indirect-probes", GossipSection::whole, GossipConfig::withIndirectProbes);
        config = changed(s, config, "suspicion-min", GossipSection::duration, GossipConfig::withSuspicionMin);
        config = changed(s, config, "suspicion-max-factor", GossipSection::whole, GossipConfig::withSuspicionMaxFactor);
        config = changed(s, config, "awareness-max", GossipSection::whole, GossipConfig::withAwarenessMax);
        config = changed(s, config, "sync-interval", GossipSection::duration, GossipConfig::withSyncInterval);
        config = changed(s, config, "push-fanout", GossipSection::whole, GossipConfig::withPushFanout);
        config = changed(s, config, "seed-retry", GossipSection::duration, GossipConfig::withSeedRetry);
        return changed(s, config, "max-message-bytes", GossipSection::size, GossipConfig::withMaxMessageBytes);
    }

    private interface Change<V> {
        GossipConfig apply(GossipConfig config, V value);
    }

    /** The bounds are {@link GossipConfig}'s own, so that there is one place for them; the complaint gets the line of the key. */
    private static <V> GossipConfig changed(Section s, GossipConfig config, String key, Function<String, V> parse, Change<V> change) {
        return s.read(key, config, text -> change.apply(config, parse.apply(text)));
    }

    static Duration duration(String text) {
        Matcher matcher = DURATION.matcher(text);
        if (!matcher.matches()) {
            throw new IllegalArgumentException("'" + text + "' is not a time with its unit, such as 300ms or 2s");
        }
        return Duration.ofMillis(Long.parseLong(matcher.group(1)) * UNIT_MILLIS.get(matcher.group(2)));
    }

    private static int whole(String text) {
        if (!WHOLE.matcher(text).matches()) {
            throw new IllegalArgumentException("'" + text + "' is not a whole number");
        }
        return Integer.parseInt(text);
    }

    private static int size(String text) {
        return (int) Math.min(Integer.MAX_VALUE, ConfigLoader.bytes(text));
    }

    private GossipSection() {}
}
