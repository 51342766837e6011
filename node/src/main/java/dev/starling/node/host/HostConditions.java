package dev.starling.node.host;

import dev.starling.node.config.ConditionSettings;
import dev.starling.scheduler.model.NodeConditions;
import dev.starling.scheduler.model.NodeConditions.Heat;
import dev.starling.scheduler.model.NodeConditions.Power;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How full this host's batteries are and how hot it is, from sysfs (Documentation/ABI/testing/sysfs-class-power and sysfs-class-thermal), in the few
 * steps of {@link NodeConditions}. A step is left only once the value is 5 (percent, degrees) beyond where it was entered, so that a value that
 * swings about an edge is no news to the cluster each time. It looks on a thread of its own: a battery's controller may answer slowly, or not at all.
 * A file that cannot be read counts as absent; a machine with neither battery nor sensor is on mains and not hot.
 */
public final class HostConditions implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(HostConditions.class);
    private static final long ROUND_SECONDS = 15;
    private static final int MOST_ENTRIES = 64;
    private static final int HYSTERESIS = 5;
    private static final int LOW_PERCENT = 50;
    private static final int CRITICAL_PERCENT = 20;
    /** Where the kernel knows of no temperature at which it begins to slow down. */
    private static final int HOT_CELSIUS = 85;
    private static final int COOLEST_HOT_CELSIUS = 50;
    private static final int HOTTEST_HOT_CELSIUS = 110;
    private static final int BEFORE_CRITICAL = 10;
    private static final int WARM_BELOW_HOT = 15;
    private static final int MOST_TRIPS = 16;

    private final Path classes;
    private final ConditionSettings settings;
    private final Consumer<NodeConditions> changed;
    private final ScheduledExecutorService thread = Executors.newSingleThreadScheduledExecutor(Threads.named("conditions"));
    private volatile NodeConditions current;

    public HostConditions(ConditionSettings settings, Consumer<NodeConditions> changed) {
        this(Path.of("/sys/class"), settings, changed);
    }

    HostConditions(Path classes, ConditionSettings settings, Consumer<NodeConditions> changed) {
        this.classes = classes;
        this.settings = settings;
        this.changed = changed;
        this.current = new NodeConditions(settings.linkCost(), Power.MAINS, Heat.NORMAL);
    }

    public void start() {
        if (settings.battery() || settings.temperature()) {
            thread.scheduleWithFixedDelay(this::look, 0, ROUND_SECONDS, TimeUnit.SECONDS);
        }
    }

    public NodeConditions current() {
        return current;
    }

    void look() {
        try {
            NodeConditions found = new NodeConditions(settings.linkCost(), settings.battery() ? power() : Power.MAINS,
                    settings.temperature() ? heat() : Heat.NORMAL);
            if (!found.equals(current)) {
                LOG.info("this node's conditions are: {}", found.text().isEmpty() ? "on mains, not hot" : found.text());
                current = found;
                changed.accept(found);
            }
        } catch (RuntimeException e) {
            LOG.warn("this host's batteries and sensors could not be looked at: {}", e.toString());
        }
    }

    private Power power() {
        List<Integer> charges = new ArrayList<>();
        boolean mains = false;
        boolean discharging = false;
        for (Path supply : entries("power_supply")) {
            boolean own = !text(supply.resolve("scope")).equals("Device"); // a mouse's battery is not the machine's
            if (own && text(supply.resolve("type")).equals("Battery")) {
                number(supply.resolve("capacity")).ifPresent(charges::add);
                discharging |= text(supply.resolve("status")).equals("Discharging");
            } else if (own) {
                mains |= number(supply.resolve("online")).orElse(0) > 0;
            }
        }
        if (charges.isEmpty() || mains || !discharging) {
            return Power.MAINS;
        }
        int percent = charges.stream().mapToInt(Integer::intValue).sum() / charges.size();
        Power before = current.power();
        if (percent < CRITICAL_PERCENT + (before == Power.BATTERY_CRITICAL ? HYSTERESIS : 0)) {
            return Power.BATTERY_CRITICAL;
        }
        boolean wasLow = before == Power.BATTERY_LOW || before == Power.BATTERY_CRITICAL;
        return percent < LOW_PERCENT + (wasLow ? HYSTERESIS : 0) ? Power.BATTERY_LOW : Power.BATTERY;
    }

    private Heat heat() {
        Heat hottest = Heat.NORMAL;
        for (Path zone : entries("thermal")) {
            OptionalInt milliCelsius = zone.getFileName().toString().startsWith("thermal_zone") ? number(zone.resolve("temp")) : OptionalInt.empty();
            if (milliCelsius.isPresent()) {
                Heat heat = heat(milliCelsius.getAsInt() / 1000, hotCelsius(zone));
                hottest = heat.compareTo(hottest) > 0 ? heat : hottest;
            }
        }
        return hottest;
    }

    private Heat heat(int celsius, int hot) {
        Heat before = current.heat();
        if (celsius >= hot - (before == Heat.HOT ? HYSTERESIS : 0)) {
            return Heat.HOT;
        }
        return celsius >= hot - WARM_BELOW_HOT - (before != Heat.NORMAL ? HYSTERESIS : 0) ? Heat.WARM : Heat.NORMAL;
    }

    /** Where the kernel slows the machine down, or a little before it would switch it off. */
    private static int hotCelsius(Path zone) {
        int hot = Integer.MAX_VALUE;
        for (int trip = 0; trip < MOST_TRIPS; trip++) {
            int celsius = number(zone.resolve("trip_point_" + trip + "_temp")).orElse(Integer.MAX_VALUE) / 1000;
            hot = switch (text(zone.resolve("trip_point_" + trip + "_type"))) {
                case "passive" -> Math.min(hot, celsius);
                case "hot", "critical" -> Math.min(hot, celsius - BEFORE_CRITICAL);
                default -> hot;
            };
        }
        return hot < COOLEST_HOT_CELSIUS || hot > HOTTEST_HOT_CELSIUS ? HOT_CELSIUS : hot;
    }

    private List<Path> entries(String kind) {
        try (Stream<Path> all = Files.list(classes.resolve(kind))) {
            return all.sorted().limit(MOST_ENTRIES).toList();
        } catch (IOException e) {
            return List.of(); // this kernel has no such class
        }
    }

    private static String text(Path file) {
        try {
            return Files.readString(file).strip();
        } catch (IOException e) {
            return "";
        }
    }

    private static OptionalInt number(Path file) {
        String text = text(file);
        return text.matches("-?[0-9]{1,9}") ? OptionalInt.of(Integer.parseInt(text)) : OptionalInt.empty();
    }

    @Override
    public void close() {
        thread.shutdownNow();
    }
}
