package dev.starling.scheduler.model;

import java.util.ArrayList;
import java.util.List;

/**
 * What makes a node dearer than its resources tell: a link that costs, a battery that empties, heat. In a few steps each, so that it changes
 * seldom; it goes into the price, and so decides only between nodes that have as many tasks of the service.
 *
 * @param linkCost 0 (free) to {@link #MOST_LINK_COST}, as its operator says
 */
public record NodeConditions(int linkCost, Power power, Heat heat) {
    public static final int MOST_LINK_COST = 10;
    private static final int LINK_STEP = 30;
    public static final NodeConditions NONE = new NodeConditions(0, Power.MAINS, Heat.NORMAL);

    public enum Power {
        /** Or nothing that tells. */
        MAINS(0, ""), BATTERY(100, "on battery"), BATTERY_LOW(250, "battery low"), BATTERY_CRITICAL(500, "battery nearly empty");

        private final int price;
        private final String text;

        Power(int price, String text) {
            this.price = price;
            this.text = text;
        }
    }

    public enum Heat {
        NORMAL(0, ""), WARM(100, "warm"), HOT(300, "hot");

        private final int price;
        private final String text;

        Heat(int price, String text) {
            this.price = price;
            this.text = text;
        }
    }

    /** What it adds to the price of each task there. */
    public int price() {
        return linkCost * LINK_STEP + power.price + heat.price;
    }

    /** "link cost 3, battery low"; empty where nothing is to be said. */
    public String text() {
        List<String> parts = new ArrayList<>();
        if (linkCost > 0) {
            parts.add("link cost " + linkCost);
        }
        if (power != Power.MAINS) {
            parts.add(power.text);
        }
        if (heat != Heat.NORMAL) {
            parts.add(heat.text);
        }
        return String.join(", ", parts);
    }
}
