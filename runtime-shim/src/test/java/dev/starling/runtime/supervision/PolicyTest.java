package dev.starling.runtime.supervision;

import static dev.starling.runtime.supervision.SpecBuilder.run;
import static dev.starling.runtime.supervision.SpecBuilder.script;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.runtime.ContainerRuntime.NetworkSetup;
import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.ExecSpec;
import dev.starling.runtime.ResourceLimits;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.RuntimeShimException.Kind;
import dev.starling.runtime.Security;
import dev.starling.runtime.launch.AppArmor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Profiles of one's own for system calls and AppArmor, and limits of swap, with real processes. */
@ParameterizedClass
@EnumSource(value = Implementation.class, mode = EnumSource.Mode.EXCLUDE, names = "CRUN_MAPPED")
class PolicyTest extends LabForAllTests {
    private static Security confined(String seccomp, String appArmor) {
        return Security.DEFAULT.withSeccomp(seccomp.replace('\'', '"')).withAppArmor(appArmor);
    }

    private static SpecBuilder under(String seccomp, SpecBuilder spec) {
        return spec.with(s -> s.security = confined(seccomp, ""));
    }

    private static final String FILTER = "grep Seccomp: /proc/self/status | tr -d '\\t'; ";

    @Test
    void aDeniedCallGivesItsErrnoAndArgumentsAreCompared() {
        // busybox may use either call: the mode is the second argument of one and the third of the other
        String profile = "{'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': ["
                + "{'names': ['chmod', 'call_of_tomorrow'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 28, 'args': [{'index': 1, 'value': 511, 'op': 'SCMP_CMP_EQ'}]}, "
                + "{'names': ['fchmodat'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 28, 'args': [{'index': 2, 'value': 511, 'op': 'SCMP_CMP_EQ'}]}]}";
        Lab.Outcome outcome = lab.run(under(profile, script(FILTER + "touch /f; chmod 700 /f && echo 700; chmod 777 /f && echo 777")));
        assertEquals("Seccomp:2\n700\n", outcome.output(), outcome.errors());
        assertTrue(outcome.errors().contains("No space left on device"), outcome.errors());
    }

    @ParameterizedTest
    @CsvSource({"'', Not a directory", "SYS_ADMIN, hostname"})
    void capabilitiesDecideWhichStatementsCount(String added, String expected) {
        String profile = "{'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': [{'names': ['sethostname'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 20, "
                + "'excludes': {'caps': ['CAP_SYS_ADMIN']}}]}";
        Lab.Outcome outcome = lab.run(under(profile, script("hostname other && echo hostname $(hostname)").with(s -> {
            if (!added.isEmpty()) {
                s.security = s.security.withCapabilities(List.of(added), List.of());
            }
        })));
        assertTrue((outcome.output() + outcome.errors()).contains(expected), outcome.output() + outcome.errors());
    }

    @Test
    void unconfinedHasNoFilterAndKeepsItsCapabilities() {
        Lab.Outcome outcome = lab.run(under("unconfined", script(FILTER + "grep -E 'Cap(Prm|Eff|Bnd|Inh|Amb)' /proc/self/status | tr -d '\\t'")));
        assertEquals("Seccomp:0\nCapInh:0000000000000000\nCapPrm:00000000a80425fb\nCapEff:00000000a80425fb\nCapBnd:00000000a80425fb\nCapAmb:0000000000000000\n",
                outcome.output(), outcome.errors());
    }

    @Test
    void addedProcessesHaveTheFilterToo() {
        String profile = "{'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': [{'names': ['mkdir', 'mkdirat'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 28}]}";
        ContainerSpec spec = under(profile, run("sleep", "60")).build();
        lab.runtime.start(spec, NetworkSetup.NONE);
        ExecSpec added = ExecSpec.of(List.of("sh", "-c", "touch /f && ! mkdir /d 2> /f && grep -q 'No space left' /f"));
        assertEquals(0, lab.runtime.exec(spec.id(), added, (stream, bytes) -> true).exit().toCompletableFuture().join().orElseThrow());
        lab.runtime.stop(spec.id(), Duration.ZERO);
        lab.runtime.remove(spec.id());
    }

    /** What is not on the list ends the process, and is not to end the agent's thread that puts the filter on, whatever the collector does meanwhile. */
    @Test
    void aListThatKillsForAllElseLeavesTheAgentAlone() throws Exception {
        Assumptions.assumeTrue(implementation == Implementation.NATIVE, "an OCI runtime needs more calls of its own, which it takes from the profile");
        String profile = "{'defaultAction': 'SCMP_ACT_KILL_PROCESS', 'syscalls': [{'names': ['arch_prctl', 'set_tid_address', 'prlimit64', 'readlink', 'readlinkat', 'getuid', "
                + "'getgid', 'geteuid', 'getegid', 'newfstatat', 'fstat', 'ioctl', 'uname', 'prctl', 'setuid', 'setgid', 'poll', 'access', 'getppid', 'lseek', 'stat', 'getcwd'], "
                + "'action': 'SCMP_ACT_ALLOW'}]}";
        AtomicBoolean done = new AtomicBoolean();
        Thread pressure = new Thread(() -> {
            while (!done.get()) {
                byte[][] garbage = new byte[64][];
                for (int i = 0; i < garbage.length; i++) {
                    garbage[i] = new byte[64 << 10];
                }
                System.gc();
            }
        });
        pressure.start();
        try {
            for (int i = 0; i < 12; i++) {
                Lab.Outcome outcome = lab.run(under(profile, script("echo runs; exec mkdir /d")));
                assertEquals("runs\n", outcome.output(), outcome.errors());
                assertEquals(128 + 31, outcome.exitCode(), "SIGSYS");
            }
        } finally {
            done.set(true);
            pressure.join();
        }
    }

    @Test
    void aWrongProfileIsRefusedBeforeAnythingIsMade() {
        ContainerSpec spec = under("{'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': [{}]}", run("true")).build();
        RuntimeShimException refusal = assertThrows(RuntimeShimException.class, () -> lab.runtime.start(spec, NetworkSetup.NONE));
        assertEquals(Kind.INVALID, refusal.kind());
        assertEquals("seccomp profile: syscalls[0].names: is missing", refusal.getMessage());
    }

    @Test
    void aProfileOfAppArmorIsRefusedByNameWhereThereIsNone(@TempDir Path root) throws IOException {
        assertEquals(Kind.UNSUPPORTED, assertThrows(RuntimeShimException.class, () -> AppArmor.check(root, "shop")).kind());
        Path enabled = Files.createDirectories(root.resolve("sys/module/apparmor/parameters")).resolve("enabled");
        Files.writeString(enabled, "N\n");
        assertEquals(Kind.UNSUPPORTED, assertThrows(RuntimeShimException.class, () -> AppArmor.check(root, "shop")).kind());
        Files.writeString(enabled, "Y\n");
        Path loaded = Files.createDirectories(root.resolve("sys/kernel/security/apparmor")).resolve("profiles");
        Files.writeString(loaded, "shops (enforce)\nfield (complain)\n");
        RuntimeShimException refusal = assertThrows(RuntimeShimException.class, () -> AppArmor.check(root, "shop"));
        assertTrue(refusal.getMessage().contains("\"shop\" is not loaded on this node"), refusal.getMessage());
        AppArmor.check(root, "field");
        AppArmor.check(root, "");
        assertEquals(Kind.INVALID, assertThrows(RuntimeShimException.class, () -> AppArmor.check(root, "a b")).kind());
        Assumptions.assumeFalse(Files.exists(Path.of("/sys/module/apparmor")), "this kernel has AppArmor");
        ContainerSpec spec = run("true").with(s -> s.security = confined("", "shop")).build();
        refusal = assertThrows(RuntimeShimException.class, () -> lab.runtime.start(spec, NetworkSetup.NONE));
        assertEquals("AppArmor profile \"shop\": this node's kernel has no AppArmor, or it is off (/sys/module/apparmor/parameters/enabled)", refusal.getMessage());
    }

    @ParameterizedTest
    @CsvSource({", 33554432", "0, 16777216", "4194304, 20971520", "-1, "})
    void swapIsLimitedBesidesMemory(Long swap, String expected) {
        Assumptions.assumeTrue(Files.exists(Path.of("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes")), "this kernel does not count swap, or has no version 1");
        Lab.Outcome outcome = lab.run(script("cat /sys/fs/cgroup/memory/memory.memsw.limit_in_bytes").with(s -> s.limits = new ResourceLimits(0, 16 << 20, 0, swap, null)));
        if (expected != null) {
            assertEquals(expected + "\n", outcome.output(), outcome.errors());
        }
        if (expected == null) {
            assertTrue(Long.parseLong(outcome.output().trim()) > 1L << 60, outcome.output());
        }
    }

    @Test
    void swappinessIsSet() {
        Assumptions.assumeTrue(Files.exists(Path.of("/sys/fs/cgroup/memory/memory.swappiness")), "this kernel has no swappiness of groups");
        Lab.Outcome outcome = lab.run(script("cat /sys/fs/cgroup/memory/memory.swappiness").with(s -> s.limits = new ResourceLimits(0, 0, 0, null, 7)));
        assertEquals("7\n", outcome.output(), outcome.errors());
        assertFalse(outcome.container().oomKilled());
    }
}
