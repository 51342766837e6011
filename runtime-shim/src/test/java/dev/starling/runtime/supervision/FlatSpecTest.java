package dev.starling.runtime.supervision;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.ContainerSpec.Dns;
import dev.starling.runtime.ContainerSpec.Filesystem;
import dev.starling.runtime.ContainerSpec.Logging;
import dev.starling.runtime.ContainerSpec.Names;
import dev.starling.runtime.ContainerSpec.Streams;
import dev.starling.runtime.Health;
import dev.starling.runtime.HealthCheck;
import dev.starling.runtime.Mount;
import dev.starling.runtime.ProcessLimits;
import dev.starling.runtime.ProcessLimits.Ulimit;
import dev.starling.runtime.ProcessSpec;
import dev.starling.runtime.ResourceLimits;
import dev.starling.runtime.Security;
import dev.starling.runtime.Security.Device;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Containers that a release started which wrote specs flat: the file is one that such a release has written. */
class FlatSpecTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final ContainerSpec WRITTEN = ContainerSpec.of("4f2d".repeat(16), "till.3.m0x7d1q2", "shop/till:1.4")
            .withLabels(Map.of("com.docker.swarm.task.id", "m0x7d1q2", "starling.grace", "10000"))
            .withProcess(ProcessSpec.INHERIT.withEntrypoint(List.of("/bin/till", "--serve")).withArgs(List.of("--port", "8080"))
                    .withEnv(List.of("SHOP=12", "LANG")).withWorkingDirectory("/srv/till").withUser("till:till", List.of("dialout", "video"))
                    .withStopSignal("SIGUSR1").withInit(true)
                    .withLimits(new ProcessLimits(List.of(new Ulimit("nofile", 1024, -1), new Ulimit("core", 0, 0)), 300)))
            .withStreams(new Streams(true, true))
            .withFilesystem(new Filesystem(true, List.of(
                    new Mount(Mount.Type.BIND, "/etc/shop", "/config", true).withPropagation("rslave"),
                    new Mount(Mount.Type.VOLUME, "receipts", "/receipts", false).withNoCopy(true).withVolume(Map.of("type", "nfs"), Map.of("shop", "12")),
                    new Mount(Mount.Type.TMPFS, "", "/scratch", false).withTmpfs(65536, 01770))))
            .withSecurity(Security.DEFAULT.withCapabilities(List.of("NET_ADMIN"), List.of("MKNOD", "CHOWN")).withNoNewPrivileges(true)
                    .withSeccomp("unconfined").withAppArmor("shop").withPrivileged(true)
                    .withDevices(List.of(new Device("/dev/ttyUSB0", "/dev/scanner", "rw"))))
            .withNames(new Names("till-3", List.of("10.0.3.7 till-3"),
                    new Dns(List.of("172.18.0.1", "9.9.9.9"), List.of("shop.example"), List.of("ndots:1"))))
            .withSysctls(Map.of("net.ipv4.ip_forward", "1"))
            .withLimits(new ResourceLimits(500_000_000, 64 << 20, 90, -1L, 20))
            .withLogging(new Logging("local", Map.of("max-file", "3", "max-size", "10m")))
            .withHealth(new HealthCheck(List.of("CMD", "/bin/till", "--ping"), 5000, 1000, 20_000, 500, 4));

    @TempDir Path directory;

    private Path file;

    @BeforeEach
    void copy() throws IOException {
        file = directory.resolve("state.json");
        try (InputStream written = getClass().getResourceAsStream("state-with-flat-spec.json")) {
            Files.copy(written, file);
        }
    }

    private ObjectNode lastLine() throws IOException {
        List<String> lines = Files.readAllLines(file);
        return (ObjectNode) JSON.readTree(lines.get(lines.size() - 1));
    }

    @Test
    void nothingIsLost() throws IOException {
        ContainerState read = ContainerState.read(file);
        assertEquals(WRITTEN, read.spec());
        assertEquals(4711, read.pid());
        assertEquals(OptionalInt.of(137), read.container(Health.NONE, false).exitCode());
        assertEquals("till-3", read.plan().hostname());
    }

    @Test
    void theNextLineIsInGroups() throws IOException {
        ContainerState read = ContainerState.read(file);
        read.append(file);
        JsonNode spec = lastLine().path("spec");
        assertEquals("/bin/till", spec.at("/process/entrypoint/0").asText());
        assertFalse(spec.has("entrypoint"));
        assertEquals(read, ContainerState.read(file));
    }

    @Test
    void partsThatCameLaterAreAbsentInWhatWasWrittenEarlier() throws IOException {
        ObjectNode state = lastLine();
        state.remove("plan");
        ObjectNode spec = (ObjectNode) state.path("spec");
        spec.remove(List.of("logDriver", "options", "health"));
        for (JsonNode mount : spec.path("mounts")) {
            ((ObjectNode) mount).remove(List.of("propagation", "noCopy", "volumeOptions", "volumeLabels"));
        }
        Files.writeString(file, state + "\n");
        ContainerState read = ContainerState.read(file);
        assertNull(read.plan());
        ContainerSpec expected = WRITTEN.withProcess(WRITTEN.process().withInit(false).withLimits(ProcessLimits.NONE))
                .withSecurity(Security.DEFAULT.withCapabilities(List.of("NET_ADMIN"), List.of("MKNOD", "CHOWN")))
                .withFilesystem(new Filesystem(true, List.of(
                        new Mount(Mount.Type.BIND, "/etc/shop", "/config", true), new Mount(Mount.Type.VOLUME, "receipts", "/receipts", false),
                        new Mount(Mount.Type.TMPFS, "", "/scratch", false).withTmpfs(65536, 01770))))
                .withLogging(new Logging("", WRITTEN.logging().options())).withHealth(HealthCheck.INHERIT);
        assertEquals(expected, read.spec());
    }

    @Test
    void optionsCameBeforeConfinementAndDevices() throws IOException {
        ObjectNode state = lastLine();
        ((ObjectNode) state.at("/spec/options")).remove(List.of("confinement", "devices"));
        Files.writeString(file, state + "\n");
        Security security = ContainerState.read(file).spec().security();
        assertEquals(WRITTEN.security().withSeccomp("").withAppArmor("").withPrivileged(false).withDevices(List.of()), security);
    }
}
