package dev.starling.chaos;

import dev.starling.chaos.sim.RandomRun;
import java.util.stream.LongStream;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * {@code -Dchaos.seed=N} replays one run, {@code -Dchaos.seeds=N} runs that many from {@code -Dchaos.first=N} on. With {@code -Dchaos.openPorts=N} as many from there on
 * are runs of services that leave their ports to the nodes.
 */
@Execution(ExecutionMode.CONCURRENT) // two at a time: junit-platform.properties
class RandomFaultsTest {
    private static final int DEFAULT_SEEDS = 200;
    private static final int DEFAULT_OPEN_PORT_SEEDS = 8;
    private static final int MOST_NODES_WITH_OPEN_PORTS = 8;

    static LongStream seeds() {
        Long one = Long.getLong("chaos.seed");
        long first = Long.getLong("chaos.first", 1);
        return one != null ? LongStream.of(one) : LongStream.range(first, first + Long.getLong("chaos.seeds", DEFAULT_SEEDS));
    }

    @ParameterizedTest(name = "seed {0}")
    @MethodSource("seeds")
    void comesToRestAfterRandomFaults(long seed) {
        new RandomRun().accept(seed);
    }

    static LongStream openPortSeeds() {
        Long one = Long.getLong("chaos.seed");
        long first = Long.getLong("chaos.first", 1);
        return one != null ? LongStream.of(one) : LongStream.range(first, first + Long.getLong("chaos.openPorts", DEFAULT_OPEN_PORT_SEEDS));
    }

    @ParameterizedTest(name = "open ports, seed {0}")
    @MethodSource("openPortSeeds")
    void comesToRestWhereNodesPickPorts(long seed) {
        new RandomRun(MOST_NODES_WITH_OPEN_PORTS, true).accept(seed);
    }
}
