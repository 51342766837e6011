package dev.starling.node.config;

import dev.starling.runtime.image.CollectionPolicy;
import java.time.Duration;
import java.util.List;

/** Reads {@code images:}, when images are removed by themselves. */
final class ImagesSection {
    static final List<String> KEYS = List.of("unused-for", "disk-high", "disk-low");
    private static final Duration LEAST = Duration.ofHours(1);
    private static final Duration MOST = Duration.ofHours(24 * 3650L);

    /** @param section null for none */
    static CollectionPolicy read(Section section) {
        CollectionPolicy defaults = CollectionPolicy.DEFAULTS;
        if (section == null) {
            return defaults;
        }
        int high = section.read("disk-high", defaults.highPercent(), ImagesSection::percent);
        int low = section.read("disk-low", Math.min(defaults.lowPercent(), high), ImagesSection::percent);
        if (low > high) {
            throw section.complaintAbout(section.has("disk-low") ? "disk-low" : "disk-high", "'disk-low' must not be above 'disk-high'");
        }
        return new CollectionPolicy(section.read("unused-for", defaults.unusedFor(), ImagesSection::age), high, low, defaults.leastUnused());
    }

    /** 100 is written {@code off}. */
    private static int percent(String text) {
        if (text.equals("off")) {
            return 100;
        }
        String digits = text.endsWith("%") ? text.substring(0, text.length() - 1) : text;
        if (!digits.matches("[0-9]{1,2}") || Integer.parseInt(digits) < 1) {
            throw new IllegalArgumentException("must be 1 to 99 (percent) or off, got " + text);
        }
        return Integer.parseInt(digits);
    }

    private static Duration age(String text) {
        if (text.equals("off")) {
            return null;
        }
        Duration age = text.matches("[0-9]{1,4}d") ? Duration.ofDays(Long.parseLong(text.substring(0, text.length() - 1))) : GossipSection.duration(text);
        if (age.compareTo(LEAST) < 0 || age.compareTo(MOST) > 0) {
            throw new IllegalArgumentException("must be 1h to 3650d or off, got " + text);
        }
        return age;
    }

    private ImagesSection() {}
}
