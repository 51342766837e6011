package dev.starling.node.host;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.starling.node.config.ConditionSettings;
import dev.starling.scheduler.model.NodeConditions;
import dev.starling.scheduler.model.NodeConditions.Heat;
import dev.starling.scheduler.model.NodeConditions.Power;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a host makes of its batteries and sensors, from files as sysfs has them. */
class HostConditionsTest {
    private final List<NodeConditions> told = new ArrayList<>();
    @TempDir
    private Path classes;

    private void write(String path, String value) throws IOException {
        Files.createDirectories(classes.resolve(path).getParent());
        Files.writeString(classes.resolve(path), value + "\n");
    }

    private void battery(String status, int percent) throws IOException {
        write("power_supply/BAT0/type", "Battery");
        write("power_supply/BAT0/status", status);
        write("power_supply/BAT0/capacity", Integer.toString(percent));
    }

    private Power power(HostConditions conditions, int percent) throws IOException {
        battery("Discharging", percent);
        conditions.look();
        return conditions.current().power();
    }

    private Heat heat(HostConditions conditions, int celsius) throws IOException {
        write("thermal/thermal_zone0/temp", Integer.toString(celsius * 1000));
        conditions.look();
        return conditions.current().heat();
    }

    @Test
    void aBatteryThatEmptiesIsToldInStepsAndNotForEachPercent() throws IOException {
        try (HostConditions conditions = new HostConditions(classes, ConditionSettings.DEFAULTS, told::add)) {
            conditions.look();
            assertEquals(NodeConditions.NONE, conditions.current(), "a machine without a battery");
            assertEquals(Power.BATTERY, power(conditions, 80));
            assertEquals(Power.BATTERY_LOW, power(conditions, 49));
            assertEquals(Power.BATTERY_LOW, power(conditions, 51), "not before 55");
            assertEquals(Power.BATTERY_LOW, power(conditions, 49));
            assertEquals(Power.BATTERY_CRITICAL, power(conditions, 19));
            assertEquals(Power.BATTERY_CRITICAL, power(conditions, 24));
            assertEquals(Power.BATTERY_LOW, power(conditions, 25));
            assertEquals(Power.BATTERY, power(conditions, 55));
            assertEquals(5, told.size(), told::toString);
        }
    }

    @Test
    void onMainsOrChargingIsNoBatteryAndAMouseHasNone() throws IOException {
        try (HostConditions conditions = new HostConditions(classes, ConditionSettings.DEFAULTS, told::add)) {
            write("power_supply/mouse/type", "Battery");
            write("power_supply/mouse/scope", "Device");
            write("power_supply/mouse/status", "Discharging");
            write("power_supply/mouse/capacity", "3");
            conditions.look();
            battery("Charging", 10);
            conditions.look();
            battery("Discharging", 10);
            write("power_supply/AC/type", "Mains");
            write("power_supply/AC/online", "1");
            conditions.look();
            assertEquals(List.of(), told);
            write("power_supply/AC/online", "0");
            conditions.look();
            assertEquals(Power.BATTERY_CRITICAL, conditions.current().power());
        }
    }

    @Test
    void heatIsMeasuredAgainstWhatTheKernelKnowsOfTheMachine() throws IOException {
        try (HostConditions conditions = new HostConditions(classes, new ConditionSettings(4, true, true), told::add)) {
            assertEquals(Heat.NORMAL, heat(conditions, 69), "85 degrees are hot where the kernel knows nothing");
            assertEquals(Heat.WARM, heat(conditions, 70));
            assertEquals(Heat.WARM, heat(conditions, 66));
            assertEquals(Heat.NORMAL, heat(conditions, 64));
            assertEquals(Heat.HOT, heat(conditions, 85));
            write("thermal/thermal_zone0/trip_point_0_type", "critical");
            write("thermal/thermal_zone0/trip_point_0_temp", "105000");
            assertEquals(Heat.WARM, heat(conditions, 86));
            write("thermal/thermal_zone0/trip_point_1_type", "passive");
            write("thermal/thermal_zone0/trip_point_1_temp", "80000");
            assertEquals(Heat.HOT, heat(conditions, 80));
            assertEquals(4, conditions.current().linkCost());
        }
    }

    @Test
    void whatIsSwitchedOffIsNotLookedAt() throws IOException {
        battery("Discharging", 10);
        write("thermal/thermal_zone0/temp", "99000");
        try (HostConditions conditions = new HostConditions(classes, new ConditionSettings(0, false, false), told::add)) {
            conditions.look();
            assertEquals(NodeConditions.NONE, conditions.current());
        }
    }
}
