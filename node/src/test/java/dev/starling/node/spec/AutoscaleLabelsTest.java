package dev.starling.node.spec;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.scheduler.model.AutoscalePolicy;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AutoscaleLabelsTest {
    private static final String RESOURCES = "{\"Limits\": {\"NanoCPUs\": 500000000}, \"Reservations\": {\"NanoCPUs\": 250000000, \"MemoryBytes\": 1048576}}";

    /** {@code labels}: "max=3 cpu=50". */
    private static ObjectNode spec(String labels, String resources) {
        ObjectNode spec = Specs.json("{\"Name\": \"web\", \"Mode\": {\"Replicated\": {\"Replicas\": 1}}, \"TaskTemplate\": {\"Resources\": " + resources + "}}");
        for (String label : labels.split(" ")) {
            spec.withObject("/Labels").put("starling.autoscale." + label.split("=")[0], label.split("=")[1]);
        }
        return spec;
    }

    @Test
    void shareOfWhat() {
        assertEquals(new AutoscalePolicy(1, 3, 50, 0, 500_000_000L, 1 << 20, 60_000), AutoscaleLabels.parse(spec("max=3 cpu=50", RESOURCES)));
        assertEquals(new AutoscalePolicy(2, 3, 50, 80, 500_000_000L, 1 << 20, 300_000),
                AutoscaleLabels.parse(spec("min=2 max=3 cpu=50 memory=80 cooldown=5m", RESOURCES)));
        assertEquals(1_000_000_000L, AutoscaleLabels.parse(spec("max=3 cpu=50", "{}")).cpuPerTask());
        assertEquals(AutoscalePolicy.OFF, AutoscaleLabels.parse(Specs.json(Specs.CLI_CREATE)));
    }

    @ParameterizedTest
    @CsvSource({
        "cpu=50,                     max: is missing",
        "max=3,                      cpu: is missing",
        "max=0 cpu=50,               max: must be a number from 1 to 100000",
        "max=many cpu=50,            got \"many\"",
        "max=3 min=4 cpu=50,         min: is 4",
        "max=3 cpu=1001,             must be a number from 1 to 1000",
        "max=3 memory=50,            memory: is a share of --limit-memory or --reserve-memory",
        "max=3 cpu=50 cooldown=5,    cooldown: must be a time from 1s to 24h",
        "max=3 cpu=50 cooldown=25h,  cooldown: must be a time from 1s to 24h",
    })
    void whatCannotBeMeantIsNamedAndReadAsOff(String labels, String message) {
        SpecException refused = assertThrows(SpecException.class, () -> AutoscaleLabels.parse(spec(labels, "{}")));
        assertTrue(refused.getMessage().contains(message), refused.getMessage());
        assertEquals(AutoscalePolicy.OFF, AutoscaleLabels.read(spec(labels, "{}")));
    }

    @Test
    void aGlobalServiceHasNoNumber() {
        ObjectNode spec = spec("max=3 cpu=50", "{}");
        spec.putObject("Mode").putObject("Global");
        assertTrue(assertThrows(SpecException.class, () -> AutoscaleLabels.parse(spec)).getMessage().contains("only a replicated service"));
    }
}
