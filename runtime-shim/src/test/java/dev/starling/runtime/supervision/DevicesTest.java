package dev.starling.runtime.supervision;

import static dev.starling.runtime.supervision.SpecBuilder.run;
import static dev.starling.runtime.supervision.SpecBuilder.script;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.runtime.ContainerRuntime.NetworkSetup;
import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.RuntimeShimException.Kind;
import dev.starling.runtime.Security;
import dev.starling.runtime.Security.Device;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Devices of the host that a container is given, and those that it is not. With tun, which any machine that runs containers has, and which does nothing when it is opened. */
@ParameterizedClass
@EnumSource(value = Implementation.class, mode = EnumSource.Mode.EXCLUDE, names = "CRUN_MAPPED")
class DevicesTest extends LabForAllTests {
    private static final String TUN = "/dev/net/tun";

    @BeforeAll
    static void thereIsOne() {
        Assumptions.assumeTrue(Files.exists(Path.of(TUN)), "this machine has no " + TUN);
    }

    private static Security with(Device... devices) {
        return Security.DEFAULT.withDevices(List.of(devices));
    }

    @Test
    void aDeviceIsThereAndOpens() {
        String output = lab.run(script("busybox stat -c '%t:%T %F' /dev/net/tun /dev/modem; exec 3<>/dev/net/tun && exec 4<>/dev/modem && echo open").with(s ->
                s.security = with(new Device(TUN, "", ""), new Device(TUN, "/dev/modem", "rw")))).output();
        assertEquals("a:c8 character special file\na:c8 character special file\nopen\n", output);
    }

    @Test
    void whatIsNotGivenIsNotThereAndANodeThatTheContainerMakesItselfDoesNotOpen() {
        lab.run(run("true").with(s -> s.security = with(new Device(TUN, "", "")))); // another container had it, in the same control group's tree
        Lab.Outcome outcome = lab.run(script("test -e /dev/net/tun && exit 9; busybox mknod /dev/mine c 10 200 && (exec 3<>/dev/mine) 2>&1; true"));
        assertTrue(outcome.output().toLowerCase().contains("not permitted"), outcome.output());
    }

    @Test
    void accessIsWhatWasSaid() {
        String output = lab.run(script("(exec 3</dev/net/tun) && echo read; (exec 3>/dev/net/tun) 2>/dev/null || echo not written").with(s ->
                s.security = with(new Device(TUN, "", "r")))).output();
        assertEquals("read\nnot written\n", output);
    }

    @Test
    void aDirectoryBringsWhatIsInIt() {
        assertEquals("open\n", lab.run(script("(exec 3<>/dev/net/tun) && echo open").with(s -> s.security = with(new Device("/dev/net", "", "")))).output());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "/dev/nowhere | | | device /dev/nowhere: is not there", "/etc/passwd | /dev/passwd | | is neither a device nor a directory with any",
        "/dev/net/tun | /etc/tun | | /etc/tun in the container is not below /dev", "/dev/net/tun | /dev/net/../../tun | | is not a plain absolute path",
        "/dev/net/tun | /dev/null | | every container has a /dev/null of its own", "/dev/net/tun | | wr | its access is of r, w and m in this order, not \"wr\""})
    void whatCannotBeGivenIsRefused(String source, String target, String access, String why) {
        ContainerSpec spec = run("true").with(s -> s.security = with(new Device(source, target == null ? "" : target, access == null ? "" : access))).build();
        RuntimeShimException refusal = assertThrows(RuntimeShimException.class, () -> lab.runtime.start(spec, NetworkSetup.NONE));
        assertEquals(Kind.INVALID, refusal.kind());
        assertTrue(refusal.getMessage().contains(why), refusal.getMessage());
    }

    @Test
    void aPrivilegedContainerHasAllOfThemWhereItsProgramCannotReadTheAgent() {
        SpecBuilder privileged = script("(exec 3<>/dev/net/tun) && echo open; grep -c ' /sys sysfs rw' /proc/mounts; busybox mknod /dev/mine c 10 200 && (exec 3<>/dev/mine) && echo mine").with(s -> {
            s.security = Security.DEFAULT.withPrivileged(true).withSeccomp("unconfined").withCapabilities(List.of("ALL"), List.of());
        });
        if (implementation == Implementation.NATIVE) {
            RuntimeShimException refusal = assertThrows(RuntimeShimException.class, () -> lab.runtime.start(privileged.build(), NetworkSetup.NONE));
            assertEquals(Kind.UNSUPPORTED, refusal.kind());
            assertTrue(refusal.getMessage().contains("the runtime crun or runc"), refusal.getMessage());
        } else {
            assertEquals("open\n1\nmine\n", lab.run(privileged).output());
        }
    }
}
