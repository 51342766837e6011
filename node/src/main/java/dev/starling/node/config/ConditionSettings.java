package dev.starling.node.config;

import dev.starling.scheduler.model.NodeConditions;
import java.util.List;

/**
 * What this node tells the others of itself that makes it a dearer place for tasks.
 *
 * @param linkCost    0 to 10: how dear its link is (a radio that is paid by the byte)
 * @param battery     whether it looks how full its batteries are
 * @param temperature whether it looks how hot it is
 */
public record ConditionSettings(int linkCost, boolean battery, boolean temperature) {
    public static final ConditionSettings DEFAULTS = new ConditionSettings(0, true, true);
    static final List<String> KEYS = List.of("link-cost", "battery", "temperature");

    /** @param section null where the file has none */
    static ConditionSettings read(Section section) {
        return section == null ? DEFAULTS : new ConditionSettings(
                section.read("link-cost", DEFAULTS.linkCost, ConditionSettings::cost),
                section.read("battery", DEFAULTS.battery, ConditionSettings::onOrOff),
                section.read("temperature", DEFAULTS.temperature, ConditionSettings::onOrOff));
    }

    private static int cost(String text) {
        if (!text.matches("[0-9]{1,2}") || Integer.parseInt(text) > NodeConditions.MOST_LINK_COST) {
            throw new IllegalArgumentException("must be 0 (free) to " + NodeConditions.MOST_LINK_COST + ", got '" + text + "'");
        }
        return Integer.parseInt(text);
    }

    private static boolean onOrOff(String text) {
        if (!text.equals("on") && !text.equals("off")) {
            throw new IllegalArgumentException("must be on or off, got '" + text + "'");
        }
        return text.equals("on");
    }
}
