package dev.starling.runtime.supervision;

import static dev.starling.runtime.supervision.SpecBuilder.run;
import static dev.starling.runtime.supervision.SpecBuilder.script;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.runtime.ContainerRuntime.NetworkSetup;
import dev.starling.runtime.Mount;
import dev.starling.runtime.ResourceLimits;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.Security;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a container must not be able to do. */
@ParameterizedClass
@EnumSource(value = Implementation.class, mode = EnumSource.Mode.EXCLUDE, names = "CRUN_MAPPED")
class ConfinementTest extends LabForAllTests {
    @Test
    void processesAreLimited() {
        Lab.Outcome outcome = lab.run(script("i=0; while [ $i -lt 20 ]; do sleep 5 & i=$((i+1)); done; echo unreachable").with(s -> s.limits = new ResourceLimits(0, 0, 8)));
        assertTrue(outcome.errors().contains("can't fork"), outcome.errors());
        assertFalse(outcome.output().contains("unreachable"), outcome.output());
    }

    @Test
    void memoryIsLimitedAndTheKillIsTold() {
        Lab.Outcome outcome = lab.run(run("tail", "/dev/zero").with(s -> s.limits = new ResourceLimits(0, 16 << 20, 0)));
        assertEquals(137, outcome.exitCode());
        assertTrue(outcome.container().oomKilled());
    }

    @Test
    void processorTimeIsLimited() {
        SpecBuilder spec = script("cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null || cat /sys/fs/cgroup/cpu.max").with(s -> s.limits = new ResourceLimits(250_000_000, 0, 0));
        assertTrue(lab.run(spec).output().startsWith("25000"));
    }

    @Test
    void readOnlyRootIsReadOnly() {
        Lab.Outcome outcome = lab.run(script("touch /file || echo refused; touch /dev/shm/file && echo shm").with(s -> s.readOnlyRoot = true));
        assertEquals("refused\nshm\n", outcome.output());
    }

    @Test
    void capabilitiesAreDockers() {
        String status = "grep -E 'Cap(Prm|Eff|Bnd|Inh)' /proc/self/status | tr -d '\\t'";
        assertEquals(
                "CapInh:0000000000000000\nCapPrm:00000000a80425fb\nCapEff:00000000a80425fb\nCapBnd:00000000a80425fb\n", lab.run(script(status)).output());
        assertEquals(
                "CapInh:0000000000000000\nCapPrm:0000000000001000\nCapEff:0000000000001000\nCapBnd:0000000000001000\n",
                lab.run(script(status).with(s -> {
                    s.security = Security.DEFAULT.withCapabilities(List.of("NET_ADMIN"), List.of("ALL"));
                })).output());
        assertEquals(
                "CapInh:0000000000000000\nCapPrm:0000000000000000\nCapEff:0000000000000000\nCapBnd:00000000a80425fb\n",
                lab.run(script(status).with(s -> s.user = "alice")).output());
    }

    @ParameterizedTest
    @ValueSource(strings = {"unshare -U true", "mount -t tmpfs x /tmp", "unshare -n true", "mknod /tmp/disk b 8 0 && head -c1 /tmp/disk", "echo x > /proc/sys/kernel/core_pattern",
        "echo c > /proc/sysrq-trigger", "hostname other", "ip link add dummy0 type dummy", "head -c1 /proc/kcore | grep .", "echo 1 > /sys/fs/cgroup/memory/tasks || false",
        "ls /sys/firmware/* /proc/acpi/*", "kill -9 1 && sleep 0.2 && false"})
    void isRefused(String command) {
        assertEquals("refused\n", lab.run(script("(" + command + ") > /dev/null 2>&1 && echo allowed || echo refused")).output(), command);
    }

    @ParameterizedTest
    @CsvSource({"unshare -n true, SYS_ADMIN", "hostname other, SYS_ADMIN", "ip link add d0 type dummy || ip link set lo mtu 1400, NET_ADMIN"})
    void isAllowedWithTheCapability(String command, String capability) {
        Lab.Outcome outcome = lab.run(script(command + " && echo allowed").with(s -> s.security = Security.DEFAULT.withCapabilities(List.of(capability), List.of())));
        assertEquals("allowed\n", outcome.output(), outcome.errors());
    }

    @Test
    void filterIsOn() {
        assertEquals("Seccomp:2\n", lab.run(script("grep Seccomp: /proc/self/status | tr -d '\\t'")).output());
    }

    @Test
    void hostIsOutOfSight() {
        String output = lab.run(script("ls /; cat /proc/mounts")).output();
        assertFalse(output.contains("ext4") && output.contains(" / ext4"), output);
        assertFalse(output.contains(lab.directory.resolve("runtime").toString() + " "), output);
        assertEquals("0\n1\n2\n3\n", lab.run(run("ls", "/proc/self/fd")).output(), "no descriptor of the agent is inherited (3 is ls's own)");
    }

    @Test
    void hostileLinksLeaveTheHostUntouched() throws Exception {
        Path trap = Files.createDirectories(lab.directory.resolve("trap"));
        Path outside = Files.createDirectory(trap.resolve("outside"));
        String up = "../../../../../../../../../../../..";
        String image = lab.images.with("hostile", root -> {
            Files.createDirectories(root.resolve("etc"));
            for (String name : List.of("hosts", "hostname", "resolv.conf")) {
                Files.createSymbolicLink(root.resolve("etc/" + name), Path.of(up + outside + "/" + name));
            }
            Files.createSymbolicLink(root.resolve("data"), Path.of(up + outside));
            Files.createSymbolicLink(root.resolve("work"), Path.of(outside + "/work"));
        });
        Lab.Outcome outcome = lab.run(script("echo runs; cat /etc/hosts > /dev/null && echo hosts").with(s -> s.image = image));
        assertEquals("runs\nhosts\n", outcome.output(), outcome.errors());
        for (String target : List.of("/data/sub", "/work/deeper")) {
            SpecBuilder spec = run("true").with(s -> {
                s.image = image;
                s.mounts = List.of(new Mount(Mount.Type.VOLUME, "v", target, false));
            });
            if (implementation == Implementation.NATIVE) {
                assertThrows(RuntimeShimException.class, () -> lab.runtime.start(spec.build(), NetworkSetup.NONE), "there is no way to the link's target");
            } else {
                runOrBeRefused(spec); // an OCI runtime may follow it inside of the image
            }
        }
        try (var files = Files.list(outside)) {
            assertEquals(List.of(), files.toList(), "nothing was made on the host");
        }
    }

    private static void runOrBeRefused(SpecBuilder spec) {
        try {
            lab.run(spec);
        } catch (RuntimeShimException e) {
            assertEquals(RuntimeShimException.Kind.INVALID, e.kind());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"proc", "dev", "sys"})
    void linkInPlaceOfAMountPointIsRefused(String name) {
        String image = lab.images.with("link-" + name, root -> Files.createSymbolicLink(root.resolve(name), Path.of("/etc")));
        RuntimeShimException refusal =
                assertThrows(RuntimeShimException.class, () -> lab.runtime.start(run("true").with(s -> s.image = image).build(), NetworkSetup.NONE));
        assertTrue(refusal.getMessage().contains("/" + name + " is not a directory"), refusal.getMessage());
    }

    @Test
    void accountFilesThatAreNoFilesAreNotRead() {
        String image = lab.images.with("fifo-passwd", root -> {
            Files.createDirectories(root.resolve("etc"));
            Files.createSymbolicLink(root.resolve("etc/passwd"), Path.of("/dev/zero"));
        });
        assertEquals("Uid:0000\n", lab.run(script("grep Uid: /proc/self/status | tr -d '\\t'").with(s -> s.image = image)).output());
    }

    @Test
    void whatItWroteIsDeletedEvenIfDeepAndStrange() {
        SpecBuilder spec = script("i=0; while [ $i -lt 150 ]; do mkdir dddddddddddddddddddd && cd dddddddddddddddddddd || exit 1; i=$((i+1)); done; touch \"$(echo -e '\\xff\\xfe')\"; touch end")
                .with(s -> s.workingDirectory = "/deep");
        assertEquals(0, lab.run(spec).exitCode());
        assertFalse(Files.exists(lab.directory.resolve("runtime/containers").resolve(spec.id), LinkOption.NOFOLLOW_LINKS));
    }
}
