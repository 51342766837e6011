package dev.starling.node.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** 1,000 services, 100 nodes, 20,000 tasks: docs/GOSSIP.md has what bench/join.sh measures, here it is held to a generous bound. */
@Timeout(300)
class JoinAtScaleTest {
    private static final Path JVM_OPTIONS = Path.of(System.getProperty("basedir", ".")).resolve("../deploy/jvm.options").toAbsolutePath().normalize();

    @TempDir
    Path directory;

    @Test
    void aJoiningNodeHasTheWholeStateInSeconds() throws Exception {
        JoinMeasurement.Result result = JoinMeasurement.measure(directory, JVM_OPTIONS, 1_000, 100, 20, 128);
        System.out.println("1,000 services, 100 nodes, 20,000 tasks; joiner: " + result.told().strip() + ", kept after " + result.keptMillis() + " ms");
        assertEquals(0, result.exitCode(), result.told());
        assertTrue(result.value("whole") <= 120_000, result.told());
        assertTrue(result.keptMillis() >= 0, "not all of it was on its disk");
    }
}
