package dev.starling.runtime.supervision;

import static dev.starling.runtime.supervision.SpecBuilder.run;
import static dev.starling.runtime.supervision.SpecBuilder.script;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.runtime.ContainerRuntime.NetworkSetup;
import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.Mount;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.kernel.Kernel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Namespaces and control groups that wait for a container are like those that are made for it, are used, and go with the agent. */
class SandboxTest {
    private static Lab lab;

    @BeforeAll
    static void open() {
        lab = Lab.open();
        lab.run(run("true")); // the first start leaves the first sandboxes
    }

    @AfterAll
    static void close() {
        if (lab != null) {
            lab.close();
        }
    }

    @Test
    void aStartTakesTheGroupsThatWait() {
        Assumptions.assumeTrue(!waiting().isEmpty(), "a thread can join a control group ahead of its process in version 1 only");
        Set<Object> ahead = keys(waiting());
        String id = start(run("sleep", "1000"));
        Set<Object> taken = keys(lab.controlGroups().stream().filter(group -> group.getFileName().toString().equals(id)).toList());
        taken.retainAll(ahead);
        assertTrue(!taken.isEmpty(), "no group of the container was made ahead of time");
        Lab.await(() -> sandboxes().size() == 2, "two wait again");
    }

    @Test
    void nobodySharesASandbox() {
        waiting();
        String script = "readlink /proc/self/ns/*; cat /proc/self/cgroup";
        Set<String> before = Set.of(lab.run(script(script)).output().split("\n"));
        Set<String> after = new HashSet<>(Set.of(lab.run(script(script)).output().split("\n")));
        after.retainAll(before);
        after.removeIf(line -> line.startsWith("user:") || line.startsWith("time:")); // the host's
        after.removeIf(line -> line.matches("[0-9]+:.*:/")); // each sees its own group as the root
        assertEquals(Set.of(), after);
    }

    @Test
    void whatTheSpecSaysOfTheNamespacesHolds() {
        waiting();
        String output = lab.run(script("cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/ipv4/ip_default_ttl; hostname; ip link show lo | head -n1")
                .with(s -> {
                    s.sysctls = Map.of("net.ipv4.ip_unprivileged_port_start", "77", "net.ipv4.ip_default_ttl", "33");
                    s.hostname = "another";
                })).output();
        List<String> lines = output.lines().toList();
        assertEquals(List.of("77", "33", "another"), lines.subList(0, 3));
        assertTrue(lines.get(3).contains("UP"), output);
    }

    @Test
    void whatTheHostMountsMeanwhileIsSeen() throws IOException {
        waiting();
        Kernel kernel = Kernel.load();
        Path source = Files.createDirectory(lab.directory.resolve("source"));
        kernel.mount("tmpfs", source.toString(), "tmpfs", 0, null);
        try {
            Files.writeString(source.resolve("file"), "mounted later");
            assertEquals("mounted later", lab.run(run("cat", "/mnt/file").with(s -> s.mounts = List.of(new Mount(Mount.Type.BIND, source.toString(), "/mnt", false))))
                    .output());
        } finally {
            kernel.check(kernel.libc().umount2(source.toString(), 0), "umount", source.toString());
        }
    }

    @Test
    void whoWaitsHoldsNoMountsOfTheHost() throws IOException {
        waiting();
        Path own = Files.readSymbolicLink(Path.of("/proc/self/ns/mnt"));
        try (Stream<Path> threads = Files.list(Path.of("/proc/self/task"))) {
            List<Path> others = threads.filter(thread -> !own.equals(mountsOf(thread, own))).toList();
            assertEquals(List.of(), others, "threads with mounts of their own");
        }
    }

    private static Path mountsOf(Path thread, Path otherwise) {
        try {
            return Files.readSymbolicLink(thread.resolve("ns/mnt"));
        } catch (IOException e) {
            return otherwise; // it has ended
        }
    }

    @Test
    void aRefusedStartIsMadeUpFor() {
        for (int i = 0; i < 3; i++) {
            waiting();
            assertThrows(RuntimeShimException.class, () -> lab.run(run("/missing")));
        }
        waiting();
    }

    @Test
    void nothingWaitsAfterTheAgent() {
        waiting();
        lab.runtime.close();
        assertEquals(List.of(), lab.sandboxGroups());
        assertEquals(0, sandboxes().size());
        lab.runtime = lab.openRuntime();
    }

    private static String start(SpecBuilder builder) {
        ContainerSpec spec = builder.build();
        lab.runtime.start(spec, NetworkSetup.NONE);
        return spec.id();
    }

    /** Once two wait: their groups. */
    private static List<Path> waiting() {
        Lab.await(() -> sandboxes().size() == 2 && sandboxes().stream().allMatch(thread -> thread.getState() == Thread.State.WAITING), "two sandboxes wait");
        return lab.sandboxGroups().stream().sorted(Comparator.naturalOrder()).toList();
    }

    private static List<Thread> sandboxes() {
        return Thread.getAllStackTraces().keySet().stream().filter(thread -> thread.getName().startsWith("sandbox-")).toList();
    }

    /** Device and inode, which a new name leaves as they are. */
    private static Set<Object> keys(List<Path> groups) {
        Set<Object> keys = new HashSet<>();
        for (Path group : groups) {
            try {
                keys.add(Files.getAttribute(group, "unix:dev") + ":" + Files.getAttribute(group, "unix:ino"));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        return keys;
    }
}
