package dev.starling.runtime.cgroup;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.kernel.Kernel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

class CgroupsTest {
    private final Kernel kernel = Kernel.load();

    @Test
    void parentStaysBelowTheHierarchy() {
        for (String parent : new String[] {"", "/absolute", "a/../../b"}) {
            assertThrows(RuntimeShimException.class, () -> Cgroups.detect(kernel, parent), parent);
        }
    }

    @Test
    void killSparesTheAgentWhoseThreadIsInTheGroup() throws Exception {
        Assumptions.assumeTrue("root".equals(System.getProperty("user.name")), "control groups need root");
        Assumptions.assumeTrue(Files.isDirectory(Path.of("/sys/fs/cgroup/memory")), "a thread joins alone in control groups version 1 only");
        String parent = "starling-test-kill-" + ProcessHandle.current().pid();
        Cgroups cgroups = Cgroups.detect(kernel, parent);
        Process child = new ProcessBuilder("sleep", "1000").start();
        try {
            cgroups.create("one");
            assertEquals(Set.of("one"), cgroups.containerIds());
            for (Path group : groups(parent)) {
                kernel.write(group.resolve("one/cgroup.procs").toString(), Long.toString(child.pid()));
            }
            Thread thread = new Thread(() -> {
                cgroups.enterWithThread("one");
                cgroups.kill("one");
            });
            thread.start();
            thread.join();
            assertTrue(child.waitFor(90, TimeUnit.SECONDS), "what else is in the group is killed, and we are still here");
            assertFalse(cgroups.oomKilled("one"));
        } finally {
            child.destroyForcibly().waitFor();
            for (int attempt = 0; attempt < 1000 && !cgroups.remove("one"); attempt++) {
                Thread.sleep(2);
            }
            for (Path group : groups(parent)) {
                Files.delete(group);
            }
        }
    }

    /** As systemd or Docker in a container make them, where it may mount its control groups writable. */
    @Test
    void groupsThatAContainerMadeBelowItsOwnGoWithIt() throws Exception {
        Assumptions.assumeTrue("root".equals(System.getProperty("user.name")), "control groups need root");
        String parent = "starling-test-children-" + ProcessHandle.current().pid();
        Cgroups cgroups = Cgroups.detect(kernel, parent);
        try {
            cgroups.create("one");
            for (Path group : groups(parent)) {
                Files.createDirectories(group.resolve("one/init.scope/deeper"));
            }
            assertTrue(cgroups.remove("one"));
            assertEquals(Set.of(), cgroups.containerIds());
        } finally {
            for (Path group : groups(parent)) {
                for (String left : new String[] {"one/init.scope/deeper", "one/init.scope", "one", ""}) {
                    Files.deleteIfExists(group.resolve(left));
                }
            }
        }
    }

    private static Set<Path> groups(String parent) throws Exception {
        Set<Path> groups = new java.util.TreeSet<>();
        try (var hierarchies = Files.newDirectoryStream(Path.of("/sys/fs/cgroup"))) {
            for (Path hierarchy : hierarchies) {
                if (Files.isDirectory(hierarchy.resolve(parent))) {
                    groups.add(hierarchy.resolve(parent));
                }
            }
        }
        return groups;
    }

    @Test
    void deviceProgramEndsOnEveryPath() {
        byte[] program = DeviceRules.program(List.of(new DeviceRule('c', 188, 0, "rw")));
        assertEquals(0, program.length % 8);
        assertEquals((byte) 0x95, program[program.length - 8], "the last instruction is exit");
    }
}
