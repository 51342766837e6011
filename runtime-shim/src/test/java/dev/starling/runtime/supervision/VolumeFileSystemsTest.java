package dev.starling.runtime.supervision;

import static dev.starling.runtime.supervision.SpecBuilder.run;
import static dev.starling.runtime.supervision.SpecBuilder.script;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.runtime.Container;
import dev.starling.runtime.ContainerRuntime.NetworkSetup;
import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.Mount;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.RuntimeShimException.Kind;
import dev.starling.runtime.kernel.Errno;
import dev.starling.runtime.kernel.Flags;
import dev.starling.runtime.kernel.Kernel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** Volumes whose options mount a file system: with the first container that uses one, until the end of the last. */
@ParameterizedClass
@EnumSource(value = Implementation.class, mode = EnumSource.Mode.EXCLUDE, names = "CRUN_MAPPED")
class VolumeFileSystemsTest extends LabForAllTests {
    private static final Map<String, String> TMPFS = Map.of("type", "tmpfs", "device", "tmpfs", "o", "size=1m,uid=1000,mode=0750,nosuid");

    private final Kernel kernel = Kernel.load();

    @AfterEach
    void stopAll() {
        for (Container container : lab.runtime.list()) {
            lab.runtime.stop(container.id(), Duration.ZERO);
            lab.runtime.remove(container.id());
        }
        Lab.await(() -> mountsOf("").isEmpty(), () -> "all is unmounted, but: " + mountsOf(""));
    }

    private static Mount volume(String name, Map<String, String> options, boolean readOnly) {
        return new Mount(Mount.Type.VOLUME, name, "/v", readOnly).withVolume(options, Map.of());
    }

    private static Mount volume(String name, Map<String, String> options) {
        return volume(name, options, false);
    }

    private static ContainerSpec start(String script, Mount mount) {
        ContainerSpec spec = script(script + "; exec sleep 1000").with(s -> s.mounts = List.of(mount)).build();
        lab.runtime.start(spec, NetworkSetup.NONE);
        return spec;
    }

    private static String output(String script, Mount mount) {
        return lab.run(script(script).with(s -> s.mounts = List.of(mount))).output();
    }

    private static void end(ContainerSpec spec) {
        lab.runtime.stop(spec.id(), Duration.ZERO);
        lab.runtime.remove(spec.id());
    }

    private static Path data(String name) {
        return lab.directory.resolve("runtime/volumes").resolve(name).resolve("_data");
    }

    /** Lines of the host's mount table. */
    private static List<String> mountsOf(String name) {
        String place = " " + lab.directory.resolve("runtime/volumes") + "/" + name;
        try {
            return Files.readAllLines(Path.of("/proc/self/mountinfo")).stream().filter(line -> line.contains(place)).toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void awaitUnmounted(String name) {
        Lab.await(() -> mountsOf(name + "/").isEmpty(), () -> "it is unmounted, but: " + mountsOf(name + "/"));
    }

    private void unmountByHand(String name) {
        kernel.check(kernel.libc().umount2(data(name).toString(), Flags.MNT_DETACH), "umount", data(name).toString());
    }

    private static RuntimeShimException refused(Mount mount) {
        ContainerSpec spec = run("true").with(s -> s.mounts = List.of(mount)).build();
        RuntimeShimException refusal = assertThrows(RuntimeShimException.class, () -> lab.runtime.start(spec, NetworkSetup.NONE));
        assertNull(lab.runtime.inspect(spec.id()));
        return refusal;
    }

    @Test
    void itIsMountedForTheFirstAndUnmountedAfterTheLast() {
        ContainerSpec first = start("echo shared > /v/file", volume("scratch", TMPFS));
        Lab.await(() -> Files.exists(data("scratch").resolve("file")), "it writes");
        assertEquals(1, mountsOf("scratch/").size(), mountsOf("scratch/").toString());
        assertTrue(mountsOf("scratch/").get(0).contains("nosuid"), mountsOf("scratch/").toString());
        ContainerSpec second = start("true", volume("scratch", Map.of()));
        end(first);
        assertEquals("shared\n1000:750\n1024\n1\n", output("cat /v/file; stat -c %u:%a /v; df -k /v | tail -n 1 | awk '{print $2}'; grep -c ' /v rw,nosuid' /proc/self/mountinfo", volume("scratch", TMPFS)));
        assertEquals(1, mountsOf("scratch/").size(), "the second has it still");
        end(second);
        awaitUnmounted("scratch");
        assertEquals("0\n", output("ls /v | wc -l", volume("scratch", Map.of())), "what was in memory is gone, what it is is not");
        awaitUnmounted("scratch");
    }

    @Test
    void theNextAgentKnowsWhoUsesIt() {
        ContainerSpec first = start("true", volume("kept", TMPFS));
        lab.runtime.close();
        lab.runtime = lab.openRuntime();
        assertEquals(1, mountsOf("kept/").size(), "it was not swept");
        assertEquals(Kind.CONFLICT, assertThrows(RuntimeShimException.class, () -> lab.runtime.volumes().remove("kept")).kind());
        output("echo more > /v/more", volume("kept", TMPFS));
        assertTrue(Files.exists(data("kept").resolve("more")), "the end of another did not unmount it");
        end(first);
        awaitUnmounted("kept");
    }

    /** As with an agent that systemd started anew: what the last one mounted, only its containers have. */
    @Test
    void anAgentInANewMountNamespaceTakesItFromAContainer() {
        ContainerSpec first = start("echo old > /v/file", volume("moved", TMPFS));
        Lab.await(() -> Files.exists(data("moved").resolve("file")), "it writes");
        ContainerSpec reader = start("true", volume("moved", Map.of(), true));
        end(first);
        lab.runtime.close();
        unmountByHand("moved");
        lab.runtime = lab.openRuntime();
        assertFalse(Files.exists(data("moved").resolve("file")));
        assertEquals("old\n", output("cat /v/file; echo new > /v/new", volume("moved", TMPFS)));
        assertTrue(Files.exists(data("moved").resolve("new")), "writable, though the container's own is not");
        end(reader);
        awaitUnmounted("moved");
    }

    @Test
    void whatAnAgentLeftMountedIsSweptAndNothingElse() {
        lab.runtime.volumes().create("left", TMPFS, Map.of());
        lab.runtime.volumes().create("plain");
        lab.runtime.close();
        kernel.mount("by-hand", data("left").toString(), "tmpfs", 0, null);
        kernel.mount("by-hand", data("plain").toString(), "tmpfs", 0, null);
        try {
            lab.runtime = lab.openRuntime();
            assertEquals(List.of(), mountsOf("left/"));
            assertEquals(1, mountsOf("plain/").size(), "an operator's");
            RuntimeShimException refusal = assertThrows(RuntimeShimException.class, () -> lab.runtime.volumes().remove("plain"));
            assertTrue(refusal.getMessage().contains("something is mounted in"), refusal.getMessage());
        } finally {
            unmountByHand("plain");
        }
        lab.runtime.volumes().remove("plain");
        lab.runtime.volumes().remove("left");
    }

    @Test
    void aDirectoryOfTheHostIsBoundAndOutlivesTheVolume() throws IOException {
        Path host = Files.createDirectories(lab.directory.resolve("host dir"));
        Files.writeString(host.resolve("file"), "the host's");
        Map<String, String> options = Map.of("type", "none", "device", host.toString(), "o", "bind,ro");
        ContainerSpec user = start("true", volume("bound", options));
        RuntimeShimException refusal = assertThrows(RuntimeShimException.class, () -> lab.runtime.volumes().remove("bound"));
        assertTrue(refusal.getMessage().contains("volume is in use - [" + user.id()), refusal.getMessage());
        assertEquals("the host's1\n", output("cat /v/file; touch /v/x 2>/dev/null; echo $?", volume("bound", Map.of())));
        end(user);
        awaitUnmounted("bound");
        Lab.await(() -> removed("bound"), "it can be removed");
        assertEquals("the host's", Files.readString(host.resolve("file")));
    }

    /** A moment after the last container's end it is being unmounted still. */
    private static boolean removed(String name) {
        try {
            lab.runtime.volumes().remove(name);
            return true;
        } catch (RuntimeShimException e) {
            if (e.kind() != Kind.CONFLICT) {
                throw e;
            }
            return false;
        }
    }

    @Test
    void whatCannotBeMountedSaysWhyAndLeavesNothing() {
        RuntimeShimException missing = refused(volume("missing", Map.of("type", "none", "device", "/no/such/directory", "o", "bind")));
        assertEquals(Errno.ENOENT.number(), missing.errno(), missing.getMessage());
        assertTrue(missing.getMessage().contains("failed to mount local volume: mount /no/such/directory:" + data("missing"))
                && missing.getMessage().contains("not there on this node"), missing.getMessage());
        RuntimeShimException unknown = refused(volume("unknown", Map.of("type", "nosuchfs", "device", "x")));
        assertEquals(Errno.ENODEV.number(), unknown.errno(), unknown.getMessage());
        assertTrue(unknown.getMessage().contains("modprobe nosuchfs"), unknown.getMessage());
        RuntimeShimException option = refused(volume("odd", Map.of("type", "tmpfs", "device", "tmpfs", "o", "nosuch=1")));
        assertEquals(Errno.EINVAL.number(), option.errno(), option.getMessage());
        assertEquals(Kind.INVALID, refused(volume("bad", Map.of("kind", "tmpfs"))).kind());
        assertEquals(List.of(), lab.controlGroups());
    }

    @Test
    void oneThatIsThereWithOtherOptionsIsNotTaken() {
        lab.runtime.volumes().create("taken", TMPFS, Map.of("who", "me"));
        assertEquals(Map.of("who", "me"), lab.runtime.volumes().create("taken").labels());
        RuntimeShimException refusal = refused(volume("taken", Map.of("type", "tmpfs", "device", "tmpfs", "o", "size=2m")));
        assertEquals(Kind.CONFLICT, refusal.kind());
        assertTrue(refusal.getMessage().contains("volume name must be unique: it is there with type=tmpfs device=tmpfs o=size=1m")
                && refusal.getMessage().contains("not with type=tmpfs device=tmpfs o=size=2m"), refusal.getMessage());
        assertEquals(TMPFS, lab.runtime.volumes().find("taken").options());
        Lab.await(() -> removed("taken"), "it can be removed");
    }
}
