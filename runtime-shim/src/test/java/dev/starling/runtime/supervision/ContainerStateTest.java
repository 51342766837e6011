package dev.starling.runtime.supervision;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.image.Image;
import dev.starling.runtime.launch.ProcessPlan;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the next agent reads where the last line could not be written to its end (a full disk, a kill). */
class ContainerStateTest {
    private static final Image.Config NO_CONFIG =
            new Image.Config(List.of(), List.of(), List.of(), "", "", "", Map.of(), List.of(), List.of());

    @TempDir Path directory;

    private final ContainerState running = running();
    private final ContainerState ended = running.ended(Instant.EPOCH.plusSeconds(9), OptionalInt.of(3), false);

    private static ContainerState running() {
        ContainerSpec spec = SpecBuilder.run("true").build();
        return ContainerState.running(spec, ProcessPlan.of(spec, NO_CONFIG, -1), 7, 8, "boot", Instant.EPOCH);
    }

    private Path file() {
        return directory.resolve("state.json");
    }

    @Test
    void theLastLineCounts() throws IOException {
        running.append(file());
        assertEquals(running, ContainerState.read(file()));
        ended.append(file());
        assertEquals(ended, ContainerState.read(file()));
    }

    @Test
    void aLineThatWasCutOffIsPassedOver() throws IOException {
        running.append(file());
        Files.writeString(file(), "\n{\"spec\":{\"id", StandardOpenOption.APPEND);
        assertEquals(running, ContainerState.read(file()));
        ended.append(file());
        assertEquals(ended, ContainerState.read(file()));
    }

    @Test
    void oneLineCutOffIsNothing() throws IOException {
        Files.writeString(file(), "\n{\"spec\":{\"id");
        assertThrows(IOException.class, () -> ContainerState.read(file()));
    }
}
