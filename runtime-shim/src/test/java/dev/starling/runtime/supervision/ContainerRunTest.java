package dev.starling.runtime.supervision;

import static dev.starling.runtime.supervision.SpecBuilder.run;
import static dev.starling.runtime.supervision.SpecBuilder.script;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.runtime.Container;
import dev.starling.runtime.ContainerRuntime.NetworkSetup;
import dev.starling.runtime.ContainerSpec.Dns;
import dev.starling.runtime.Mount;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.RuntimeShimException.Kind;
import dev.starling.runtime.Security;
import dev.starling.runtime.kernel.Errno;
import dev.starling.runtime.kernel.Kernel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** What a program finds when it runs in a container, and what one learns of its end. */
@ParameterizedClass
@EnumSource(Implementation.class)
class ContainerRunTest extends LabForAllTests {
    @ParameterizedTest
    @CsvSource({"exit 0, 0", "exit 7, 7", "kill -9 $$; exit 3, 3", "trap 'exit 9' TERM; kill -TERM $$; exit 1, 9"})
    void exitCodesAreTold(String script, int expected) {
        assertEquals(expected, lab.run(script(script)).exitCode());
    }

    @Test
    void trueAndFalseByPath() {
        assertEquals(0, lab.run(run("true")).exitCode());
        assertEquals(1, lab.run(run("/bin/false")).exitCode());
    }

    @Test
    void environmentIsTheImagesThenTheSpecsWithDockersDefaults() {
        Set<String> environment = new TreeSet<>(List.of(lab.run(run("env").with(s -> {
            s.env = List.of("GREETING=hello = world", "EMPTY=");
            s.hostname = "box";
        })).output().split("\n")));
        assertEquals(
                new TreeSet<>(List.of(
                        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME=box", "FROM_IMAGE=yes", "GREETING=hello = world",
                        "EMPTY=", "HOME=/root")),
                environment);
    }

    @Test
    void firstProcessIsTheCommandWithItsOwnNamesAndProcesses() {
        String output = lab.run(script("echo $$; hostname; cat /etc/hostname; readlink /proc/1/exe; ip -o link | wc -l")
                .with(s -> s.hostname = "box")).output();
        assertEquals("1\nbox\nbox\n/bin/busybox\n1\n", output);
    }

    @Test
    void hostnameDefaultsToTheShortId() {
        SpecBuilder spec = run("hostname");
        assertEquals(spec.id.substring(0, 12) + "\n", lab.run(spec).output());
    }

    @Test
    void missingWorkingDirectoryIsMade() {
        assertEquals("/srv/new/place\n", lab.run(run("pwd").with(s -> s.workingDirectory = "/srv/new/place")).output());
    }

    @ParameterizedTest
    @CsvSource({"alice, 1000, 1001, 29 44", "1000:0, 1000, 0, 44", "4711, 4711, 0, 44", "alice:audio, 1000, 29, 44", "'', 0, 0, 44"})
    void usersAreLookedUpInTheImage(String user, int uid, int gid, String groups) {
        String script = "while read name value rest; do case $name in Uid:|Gid:) echo $name $value;; Groups:) echo $name $value $rest;; esac; done < /proc/self/status";
        String output = lab.run(script(script).with(s -> {
            s.user = user;
            s.groups = List.of("video");
        })).output();
        assertEquals("Uid: " + uid + "\nGid: " + gid + "\nGroups: " + groups + "\n", output);
    }

    @Test
    void usersHomeIsSetAndOutputCanBeReopened() {
        assertEquals("/home/alice\n", lab.run(script("echo $HOME > /dev/stdout").with(s -> s.user = "alice")).output());
    }

    @Test
    void namesAndServersComeFromTheSpec() {
        String output = lab.run(script("cat /etc/hosts /etc/resolv.conf; echo 10.9.9.9 more >> /etc/hosts && echo writable").with(s -> {
            s.hosts = List.of("10.0.0.3 neighbour");
            s.dns = new Dns(List.of("10.0.0.1"), List.of("lan"), List.of("ndots:0"));
        })).output();
        assertTrue(output.contains("10.0.0.3 neighbour\n"), output);
        assertTrue(output.contains("nameserver 10.0.0.1\nsearch lan\noptions ndots:0\n"), output);
        assertTrue(output.endsWith("writable\n"), output);
    }

    @Test
    void mountsReachTheContainer() throws IOException {
        Path host = Files.createDirectories(lab.directory.resolve("shared"));
        Files.writeString(host.resolve("file"), "from the host\n");
        if (implementation == Implementation.CRUN_MAPPED) { // binds are not mapped
            Files.setAttribute(host, "unix:uid", Implementation.MAPPING.onHost(0));
        }
        SpecBuilder spec = script("cat /data/file /one; echo x > /data/new; echo y > /scratch/y && stat -f -c %T /scratch; echo z > /keep/z; echo no > /fixed/file")
                .with(s -> s.mounts = List.of(
                        new Mount(Mount.Type.BIND, host.toString(), "/data", false), new Mount(Mount.Type.BIND, host.resolve("file").toString(), "/one", true),
                        new Mount(Mount.Type.BIND, host.toString(), "/fixed", true), new Mount(Mount.Type.TMPFS, "", "/scratch", false),
                        new Mount(Mount.Type.VOLUME, "kept", "/keep", false)));
        Lab.Outcome outcome = lab.run(spec);
        assertEquals("from the host\nfrom the host\ntmpfs\n", outcome.output());
        assertTrue(outcome.errors().contains("Read-only file system"), outcome.errors());
        assertEquals("x\n", Files.readString(host.resolve("new")));
        assertEquals("from the host\n", Files.readString(host.resolve("file")));
        String again = lab.run(run("cat", "/keep/z").with(s -> s.mounts = List.of(new Mount(Mount.Type.VOLUME, "kept", "/keep", true)))).output();
        assertEquals("z\n", again);
    }

    @Test
    void sysctlsOfItsNamespacesAreSet() {
        SpecBuilder spec = script("cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmni /proc/sys/net/ipv4/ip_unprivileged_port_start")
                .with(s -> s.sysctls = java.util.Map.of("net.ipv4.ip_forward", "1", "kernel.shmmni", "77"));
        assertEquals("1\n77\n0\n", lab.run(spec).output());
        assertRefused(run("true").with(s -> s.sysctls = java.util.Map.of("kernel.hostname", "x")), Kind.INVALID, 0,
                "sysctl \"kernel.hostname\" is not in a separate kernel namespace");
    }

    @Test
    void refusalsSayWhatDockerSays() throws IOException {
        assertRefused(run("nosuch"), Kind.INVALID, 2, "exec: \"nosuch\": executable file not found in $PATH");
        assertRefused(run("/no/such"), Kind.INVALID, 2, "exec: \"/no/such\": stat /no/such: no such file or directory");
        assertRefused(run("/etc/passwd"), Kind.INVALID, 13, "exec: \"/etc/passwd\": permission denied");
        assertRefused(run("/etc"), Kind.INVALID, 21, "exec: \"/etc\": is a directory");
        assertRefused(run("true").with(s -> s.workingDirectory = "/etc/passwd"), Kind.INVALID, 20, "Cannot mkdir: /etc/passwd is not a directory");
        assertRefused(run("true").with(s -> s.workingDirectory = "relative"), Kind.INVALID, 0, "it needs to be an absolute path");
        assertRefused(run("true").with(s -> s.user = "bob"), Kind.INVALID, 0, "unable to find user bob: no matching entries in passwd file");
        assertRefused(run("true").with(s -> s.user = "0:staff"), Kind.INVALID, 0, "unable to find group staff: no matching entries in group file");
        assertRefused(run("true").with(s -> s.image = "nosuch"), Kind.NOT_FOUND, 0, "No such image: nosuch");
        assertRefused(run("true").with(s -> s.mounts = List.of(new Mount(Mount.Type.BIND, "/no/such/dir", "/x", false))), Kind.INVALID, 0,
                "bind source path does not exist: /no/such/dir");
        assertRefused(run("true").with(s -> s.security = Security.DEFAULT.withCapabilities(List.of("CAP_NOSUCH"), List.of())), Kind.INVALID, 0, "CAP_NOSUCH");
        assertEquals(List.of(), lab.controlGroups(), "a refused start leaves no control group");
        try (var bundles = Files.list(lab.directory.resolve("runtime/containers"))) {
            assertEquals(List.of(), bundles.toList(), "a refused start leaves no bundle");
        }
    }

    /** What an OCI runtime says of a program it says in its own words. */
    private void assertRefused(SpecBuilder spec, Kind kind, int errno, String message) {
        RuntimeShimException refusal = assertThrows(RuntimeShimException.class, () -> lab.runtime.start(spec.build(), NetworkSetup.NONE));
        if (implementation == Implementation.NATIVE || errno == 0) {
            assertTrue(refusal.getMessage().contains(message), refusal.getMessage());
        }
        assertEquals(kind, refusal.kind(), refusal.getMessage());
        if (implementation == Implementation.NATIVE) {
            assertEquals(errno, refusal.errno(), refusal.getMessage());
        }
        assertNull(lab.runtime.inspect(spec.id));
    }

    @Test
    void scriptWithoutInterpreterIsToldFromMissingProgram() {
        Assumptions.assumeTrue(implementation == Implementation.NATIVE, "an OCI runtime finds this out after the start: the container ends with 127 or so");
        String image = lab.images.with("broken-script", root -> {
            Files.writeString(root.resolve("run"), "#!/no/interpreter\n");
            Files.setPosixFilePermissions(root.resolve("run"), java.nio.file.attribute.PosixFilePermissions.fromString("rwxr-xr-x"));
        });
        assertRefused(run("/run").with(s -> s.image = image), Kind.INVALID, Errno.ENOENT.number(), "exec: \"/run\": no such file or directory");
    }

    @Test
    void failedNetworkLeavesNothingRunning() {
        SpecBuilder spec = run("sleep", "100");
        RuntimeException refusal = assertThrows(IllegalStateException.class, () -> lab.runtime.start(spec.build(), (id, netns) -> {
            assertTrue(Files.exists(netns), "the namespace is there while the process is held");
            throw new IllegalStateException("no address left");
        }));
        assertEquals("no address left", refusal.getMessage());
        assertNull(lab.runtime.inspect(spec.id));
        assertEquals(List.of(), lab.controlGroups());
    }

    @Test
    void stopAsksFirst() {
        SpecBuilder spec = script("trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.05; done");
        lab.runtime.start(spec.build(), NetworkSetup.NONE);
        Lab.await(() -> lab.output(spec.id, "stdout").contains("ready"), "the trap is set");
        lab.runtime.stop(spec.id, Duration.ofSeconds(10));
        Lab.Outcome outcome = lab.finish(spec.id);
        assertEquals(5, outcome.exitCode());
        assertTrue(outcome.output().endsWith("bye\n"), outcome.output());
    }

    @Test
    void stopUsesTheSpecsSignal() {
        SpecBuilder spec = script("trap 'exit 6' USR1; echo ready; while :; do sleep 0.05; done").with(s -> s.stopSignal = "SIGUSR1");
        lab.runtime.start(spec.build(), NetworkSetup.NONE);
        Lab.await(() -> lab.output(spec.id, "stdout").contains("ready"), "the trap is set");
        lab.runtime.stop(spec.id, Duration.ofSeconds(10));
        assertEquals(6, lab.finish(spec.id).exitCode());
    }

    @Test
    void stopKillsAllAfterTheGrace() {
        SpecBuilder spec = script("sleep 1000 & sleep 1000 & trap '' TERM; echo ready; wait; sleep 1000");
        lab.runtime.start(spec.build(), NetworkSetup.NONE);
        Lab.await(() -> lab.output(spec.id, "stdout").contains("ready"), "it runs");
        long begun = System.nanoTime();
        lab.runtime.stop(spec.id, Duration.ofMillis(200));
        assertTrue(System.nanoTime() - begun >= Duration.ofMillis(200).toNanos(), "the grace was given");
        assertEquals(137, lab.finish(spec.id).exitCode());
        assertEquals(List.of(), lab.controlGroups());
    }

    @Test
    void killedBySignalIsToldAs128PlusIt() {
        SpecBuilder spec = run("sleep", "1000");
        Container started = lab.runtime.start(spec.build(), NetworkSetup.NONE);
        assertEquals(Container.State.RUNNING, started.state());
        assertTrue(Files.exists(Path.of("/proc/" + started.pid())));
        RuntimeShimException refusal = assertThrows(RuntimeShimException.class, () -> lab.runtime.remove(spec.id));
        assertEquals(Kind.CONFLICT, refusal.kind());
        assertEquals(Kind.CONFLICT, assertThrows(RuntimeShimException.class, () -> lab.runtime.start(spec.build(), NetworkSetup.NONE)).kind());
        lab.runtime.signal(spec.id, "KILL");
        Lab.Outcome outcome = lab.finish(spec.id);
        assertEquals(137, outcome.exitCode());
        assertFalse(outcome.container().oomKilled());
        assertEquals(0, outcome.container().pid());
        assertNull(lab.runtime.inspect(spec.id));
    }

    @Test
    void aPausedContainerIsStoppedByAsManyAsWantIt() throws Exception {
        SpecBuilder spec = run("sleep", "1000");
        lab.runtime.start(spec.build(), NetworkSetup.NONE);
        lab.runtime.pause(spec.id, true);
        CyclicBarrier together = new CyclicBarrier(4);
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try {
            List<Future<?>> stops = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                stops.add(threads.submit(() -> {
                    together.await();
                    lab.runtime.stop(spec.id, Duration.ZERO);
                    return null;
                }));
            }
            for (Future<?> stop : stops) {
                stop.get(90, TimeUnit.SECONDS);
            }
        } finally {
            threads.shutdown();
        }
        assertEquals(137, lab.finish(spec.id).exitCode());
    }

    /** A FIFO that nobody reads takes the place of a disk that hangs. */
    @Test
    void whoAsksForContainersDoesNotWaitForADiskThatDoesNotTakeAnEnd() throws Exception {
        SpecBuilder spec = run("sleep", "1000");
        lab.runtime.start(spec.build(), NetworkSetup.NONE);
        Path state = lab.directory.resolve("runtime/containers").resolve(spec.id).resolve("state.json");
        Files.delete(state);
        Kernel kernel = Kernel.load();
        kernel.check(kernel.libc().mkfifo(state.toString(), 0600), "mkfifo", state.toString());
        lab.runtime.signal(spec.id, "KILL");
        Lab.await(ContainerRunTest::anEndIsBeingWritten, "the end is being written");
        try {
            assertTimeoutPreemptively(Duration.ofSeconds(60), () -> assertTrue(lab.runtime.list().stream().anyMatch(each -> each.id().equals(spec.id))));
        } finally {
            Files.readString(state);
        }
        assertEquals(137, lab.finish(spec.id).exitCode());
    }

    private static boolean anEndIsBeingWritten() {
        return Thread.getAllStackTraces().values().stream().anyMatch(stack -> Arrays.stream(stack).anyMatch(
                frame -> frame.getClassName().equals(ContainerState.class.getName()) && frame.getMethodName().equals("append")));
    }

    @Test
    void listenersHearOfEnds() {
        List<Container> ends = new CopyOnWriteArrayList<>();
        lab.runtime.onExit(ends::add);
        SpecBuilder spec = script("exit 42");
        lab.run(spec);
        Lab.await(() -> ends.stream().anyMatch(c -> c.id().equals(spec.id) && c.exitCode().orElse(-1) == 42), "the listener is told");
    }
}
