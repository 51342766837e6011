package dev.starling.runtime.supervision;

import static dev.starling.runtime.supervision.SpecBuilder.run;
import static dev.starling.runtime.supervision.SpecBuilder.script;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.runtime.ContainerFile;
import dev.starling.runtime.ContainerRuntime.NetworkSetup;
import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.Mount;
import dev.starling.runtime.RuntimeOptions;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.RuntimeShimException.Kind;
import dev.starling.runtime.UserNamespace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Users of a container are others on the host; what they own on the disk is as without that. */
class UserNamespaceTest {
    private static final UserNamespace MAPPING = Implementation.MAPPING;
    private static Lab lab;

    @BeforeAll
    static void open() {
        lab = Lab.open(Implementation.CRUN_MAPPED);
    }

    @AfterAll
    static void close() {
        if (lab != null) {
            lab.close();
        }
    }

    private static Object ownerOf(Path file) {
        try {
            return Files.getAttribute(file, "unix:uid") + ":" + Files.getAttribute(file, "unix:gid");
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    @Test
    void rootInsideIsNobodyOutside() throws IOException {
        ContainerSpec spec = run("sleep", "60").build();
        AtomicReference<String> pid = new AtomicReference<>();
        lab.runtime.start(spec, (id, network) -> pid.set(network.getName(1).toString()));
        String status = Files.readString(Path.of("/proc/" + pid.get() + "/status"));
        int root = MAPPING.first();
        assertTrue(status.contains("Uid:\t%d\t%d\t%d\t%d\nGid:\t%d\t%d\t%d\t%d\n".formatted(root, root, root, root, root, root, root, root)), status);
        assertEquals("0 " + root + " " + MAPPING.size(), Files.readString(Path.of("/proc/" + pid.get() + "/uid_map")).trim().replaceAll(" +", " "));
        lab.runtime.stop(spec.id(), Duration.ZERO);
        lab.runtime.remove(spec.id());
    }

    @Test
    void filesOfTheImageAndOfVolumesAreItsOwnAndStayAsTheyWereOnTheDisk() {
        SpecBuilder spec = script("stat -c %u:%g /bin/busybox /v /etc; touch /v/new /new && chown 33:34 /v/new && stat -c %u:%g /v/new /new").with(s ->
                s.mounts = List.of(new Mount(Mount.Type.VOLUME, "shared", "/v", false)));
        Lab.Outcome outcome = lab.run(spec);
        assertEquals("0:0\n0:0\n0:0\n33:34\n0:0\n", outcome.output(), outcome.errors());
        assertEquals("33:34", ownerOf(lab.directory.resolve("runtime/volumes/shared/_data/new")));
    }

    @Test
    void filesOfTheHostStayOutOfReach() throws IOException {
        Path directory = Files.createDirectory(lab.directory.resolve("of-the-host"));
        Files.writeString(directory.resolve("file"), "seen");
        Lab.Outcome outcome = lab.run(script("cat /h/file; stat -c %u /h/file; touch /h/file /h/new || echo refused").with(s ->
                s.mounts = List.of(new Mount(Mount.Type.BIND, directory.toString(), "/h", false))));
        assertEquals("seen65534\nrefused\n", outcome.output(), outcome.errors());
        assertEquals("0:0", ownerOf(directory.resolve("file")));
    }

    @Test
    void aFileThatItIsHandedHasItsOwner() {
        ContainerSpec spec = script("stat -c '%u:%g %a' /secret; cat /secret").build();
        lab.runtime.start(spec, List.of(new ContainerFile("/secret", "value".getBytes(), 5, 6, 0400)), NetworkSetup.NONE);
        Lab.Outcome outcome = lab.finish(spec.id());
        assertEquals("5:6 400\nvalue", outcome.output(), outcome.errors());
    }

    @Test
    void aUserBeyondTheRangeIsRefused() {
        ContainerSpec spec = run("true").with(s -> s.user = "65536:0").build();
        RuntimeShimException refusal = assertThrows(RuntimeShimException.class, () -> lab.runtime.start(spec, NetworkSetup.NONE));
        assertEquals("user or group 65536: this node's containers have 0 to 65535 (user-namespace)", refusal.getMessage());
    }

    @Test
    void directoriesAreOpenedToItsFirstGroupAlone() throws IOException {
        for (String own : List.of("", "runtime/containers")) {
            Path directory = lab.directory.resolve(own);
            assertEquals("0:" + MAPPING.first(), ownerOf(directory));
            assertEquals("rwx--x---", PosixFilePermissions.toString(Files.getPosixFilePermissions(directory)), directory.toString());
        }
    }

    @Test
    void onlyCrunDoesIt() {
        assertEquals(Kind.UNSUPPORTED, assertThrows(RuntimeShimException.class, () -> new RuntimeOptions("x", false, null, MAPPING, 0)).kind());
        assertEquals(Kind.INVALID, assertThrows(RuntimeShimException.class, () -> new UserNamespace(0, 10)).kind());
    }
}
