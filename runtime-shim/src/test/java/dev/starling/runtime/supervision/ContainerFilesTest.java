package dev.starling.runtime.supervision;

import static dev.starling.runtime.supervision.SpecBuilder.run;
import static dev.starling.runtime.supervision.SpecBuilder.script;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.runtime.Container;
import dev.starling.runtime.ContainerFile;
import dev.starling.runtime.ContainerRuntime.NetworkSetup;
import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.Mount;
import dev.starling.runtime.RuntimeShimException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** Secrets and configs in a container: files in memory that the container reads and the host's disk never sees. */
@ParameterizedClass
@EnumSource(Implementation.class)
class ContainerFilesTest extends LabForAllTests {
    private static final byte[] VALUE = "correct horse battery staple".getBytes(StandardCharsets.UTF_8);

    private static ContainerFile file(String path, int mode) {
        return new ContainerFile(path, VALUE, 0, 0, mode);
    }

    private static Lab.Outcome outcome(SpecBuilder builder, ContainerFile... files) {
        ContainerSpec spec = builder.build();
        lab.runtime.start(spec, List.of(files), NetworkSetup.NONE);
        return lab.finish(spec.id());
    }

    @Test
    void theyAreWhereTheyBelongWithOwnerAndMode() {
        Lab.Outcome outcome = outcome(script("cat /run/secrets/db; echo; stat -c '%u:%g %a %s' /run/secrets/db /etc/app/conf /top; stat -f -c %T /top"),
                new ContainerFile("/run/secrets/db", VALUE, 1000, 29, 0400), file("/etc/app/../app/conf", 0444), file("/top", 0755));
        assertEquals("correct horse battery staple\n1000:29 400 28\n0:0 444 28\n0:0 755 28\ntmpfs\n", outcome.output(), outcome.errors());
    }

    @Test
    void nobodyChangesThemNotEvenRoot() {
        Lab.Outcome outcome = outcome(script("echo x > /run/secrets/db; rm /run/secrets/db; chmod 777 /run/secrets/db; cat /run/secrets/db"), file("/run/secrets/db", 0644));
        assertEquals("correct horse battery staple", outcome.output());
        assertTrue(outcome.errors().contains("Read-only file system"), outcome.errors());
    }

    @Test
    void anotherUserIsHeldToTheMode() {
        Lab.Outcome outcome = outcome(script("cat /run/secrets/mine; cat /run/secrets/roots").with(s -> s.user = "1000"),
                new ContainerFile("/run/secrets/mine", VALUE, 1000, 0, 0400), file("/run/secrets/roots", 0400));
        assertEquals("correct horse battery staple", outcome.output());
        assertTrue(outcome.errors().contains("Permission denied"), outcome.errors());
    }

    @Test
    void aTmpfsAboveAndAReadOnlyRootDoNotHideThem() {
        Lab.Outcome outcome = outcome(script("cat /run/secrets/db; stat -c %a /run; df -k /run | tail -n 1 | awk '{print $2}'").with(s -> {
            s.mounts = List.of(new Mount(Mount.Type.TMPFS, "", "/run", false).withTmpfs(1 << 20, 0711));
            s.readOnlyRoot = true;
        }), file("/run/secrets/db", 0444));
        assertEquals("correct horse battery staple711\n1024\n", outcome.output(), outcome.errors());
    }

    @Test
    void aFileThatTheImageHasIsCoveredAlsoBehindALink() {
        String image = lab.images.with("linked-config", root -> {
            Files.writeString(root.resolve("real.conf"), "the image's");
            Files.createSymbolicLink(root.resolve("app.conf"), Path.of("/real.conf"));
        });
        assertEquals("correct horse battery staple", outcome(run("cat", "/real.conf").with(s -> s.image = image), file("/app.conf", 0444)).output());
    }

    @Test
    void largeOnesArriveWhole() {
        byte[] large = new byte[1000 * 1024];
        Arrays.fill(large, (byte) 'a');
        Lab.Outcome outcome = outcome(script("wc -c < /big; tr -d a < /big | wc -c"), new ContainerFile("/big", large, 0, 0, 0444),
                new ContainerFile("/empty", new byte[0], 0, 0, 0444));
        assertEquals("1024000\n0\n", outcome.output(), outcome.errors());
    }

    @Test
    void impossibleTargetsAreRefused() {
        for (String path : List.of("relative", "/", "/proc/self/x")) {
            SpecBuilder spec = run("true");
            RuntimeShimException refusal = assertThrows(RuntimeShimException.class,
                    () -> lab.runtime.start(spec.build(), List.of(file(path, 0444)), NetworkSetup.NONE));
            assertEquals(RuntimeShimException.Kind.INVALID, refusal.kind(), refusal.getMessage());
            assertFalse(refusal.getMessage().contains("correct horse"), refusal.getMessage());
        }
        SpecBuilder onDirectory = run("true");
        assertThrows(RuntimeShimException.class, () -> lab.runtime.start(onDirectory.build(), List.of(file("/etc", 0444)), NetworkSetup.NONE));
        assertEquals(List.of(), lab.controlGroups());
    }

    /** Neither while it runs, nor for those who list it, nor for the next agent; and the container keeps its files. */
    @Test
    void theHostKeepsNothingAndTheNextAgentAdoptsTheContainerWithItsFiles() throws IOException {
        SpecBuilder spec = script("while ! test -e /dev/shm/stop; do sleep 0.02; done; cat /run/secrets/db");
        Container running = lab.runtime.start(spec.build(), List.of(file("/run/secrets/db", 0444)), NetworkSetup.NONE);
        assertFalse(running.toString().contains("correct horse"));
        assertEquals(List.of(), filesWithTheValue());
        assertTrue(mountsOfTheHost().noneMatch(line -> line.contains(spec.id)), "the host sees a mount of the container");
        lab.runtime.close();
        lab.runtime = lab.openRuntime();
        lab.touch(spec.id, "/dev/shm/stop");
        assertEquals("correct horse battery staple", lab.finish(spec.id).output());
    }

    private static Stream<String> mountsOfTheHost() throws IOException {
        return Files.readAllLines(Path.of("/proc/self/mountinfo")).stream();
    }

    private static List<Path> filesWithTheValue() throws IOException {
        try (Stream<Path> files = Files.walk(lab.directory.resolve("runtime"))) {
            return files.filter(Files::isRegularFile).filter(file -> {
                try {
                    return new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1).contains("correct horse");
                } catch (IOException e) {
                    throw new java.io.UncheckedIOException(e);
                }
            }).toList();
        }
    }
}
