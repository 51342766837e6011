package dev.starling.runtime.supervision;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.runtime.Container;
import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.Health;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.launch.ProcessPlan;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.OptionalInt;

/**
 * What is kept of a container in its {@code state.json}, so that the next agent finds it. Written before the first process is let go.
 *
 * @param plan       of the first process; null where an earlier release wrote it, so that nothing can be added to that container
 * @param startTime  of the process, clock ticks since boot: a pid alone may be another's by now
 * @param bootId     of the kernel it ran under
 * @param finishedAt ISO-8601, null while it runs
 * @param exitCode   null while it runs, or where it is not known
 */
record ContainerState(
        ContainerSpec spec, ProcessPlan plan, int stopSignal, int pid, long startTime, String bootId, String startedAt, String finishedAt, Integer exitCode,
        boolean oomKilled) {

    private static final ObjectMapper JSON = new ObjectMapper().disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES);

    static ContainerState running(ContainerSpec spec, ProcessPlan plan, int pid, long startTime, String bootId, Instant startedAt) {
        return new ContainerState(spec, plan, plan.stopSignal(), pid, startTime, bootId, startedAt.toString(), null, null, false);
    }

    ContainerState ended(Instant at, OptionalInt code, boolean killedForMemory) {
        Integer known = code.isPresent() ? (Integer) code.getAsInt() : null;
        return new ContainerState(spec, plan, stopSignal, pid, startTime, bootId, startedAt, at.toString(), known, killedForMemory);
    }

    boolean hasEnded() {
        return finishedAt != null;
    }

    Container container(Health health, boolean paused) {
        return new Container(
                spec, hasEnded() ? Container.State.EXITED : Container.State.RUNNING, hasEnded() ? 0 : pid, Instant.parse(startedAt),
                finishedAt == null ? null : Instant.parse(finishedAt), exitCode == null ? OptionalInt.empty() : OptionalInt.of(exitCode), oomKilled,
                health, paused);
    }

    /**
     * A further line of {@code file}: no file is replaced, for which a file system would write to disk at once. It begins with a line's end, in case what was
     * written before was cut off.
     */
    void append(Path file) {
        try {
            Files.writeString(file, "\n" + JSON.writeValueAsString(this) + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw RuntimeShimException.system("write " + file + ": " + e, e);
        }
    }

    /** The last line that is whole: a full disk or a killed agent may have cut one off. */
    static ContainerState read(Path file) throws IOException {
        String text = Files.readString(file);
        String whole = text.substring(0, text.lastIndexOf('\n') + 1).stripTrailing();
        if (whole.isEmpty()) {
            throw new IOException("not one whole line");
        }
        JsonNode state = JSON.readTree(whole.substring(whole.lastIndexOf('\n') + 1));
        if (state instanceof ObjectNode written) {
            written.set("spec", FlatSpec.upgraded(state.path("spec")));
        }
        return JSON.treeToValue(state, ContainerState.class);
    }
}
