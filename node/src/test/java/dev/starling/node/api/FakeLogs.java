package dev.starling.node.api;

import dev.starling.scheduler.model.Task;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;

/** Lines by task; positions count lines. */
final class FakeLogs implements TaskLogs {
    private final Map<String, List<Line>> lines = new ConcurrentHashMap<>();
    private final Map<String, String> broken = new ConcurrentHashMap<>();
    private final Set<String> ended = ConcurrentHashMap.newKeySet();

    synchronized void add(String task, int stream, String text) {
        List<Line> known = lines.computeIfAbsent(task, id -> new ArrayList<>());
        known.add(new Line(Instant.ofEpochSecond(1_795_350_600 + known.size()), stream, (text + "\n").getBytes(StandardCharsets.UTF_8)));
    }

    /** A place in the log where no line can be read. */
    synchronized void addTorn(String task) {
        lines.computeIfAbsent(task, id -> new ArrayList<>()).add(null);
    }

    /** The container of {@code task} has ended: no line follows. */
    void end(String task) {
        ended.add(task);
    }

    void fail(String task, String message) {
        broken.put(task, message);
    }

    @Override
    public synchronized CompletionStage<Chunk> read(Task task, long position, int tail, int maxBytes) {
        if (broken.containsKey(task.id())) {
            return CompletableFuture.failedFuture(ApiException.unavailable(broken.get(task.id())));
        }
        List<Line> all = lines.getOrDefault(task.id(), List.of());
        int from = position == 0 && tail >= 0 ? Math.max(0, all.size() - tail) : (int) position;
        int to = Math.min(all.size(), from + 2); // small chunks, so that reading on is tested
        return CompletableFuture.completedFuture(new Chunk(all.subList(from, to).stream().filter(Objects::nonNull).toList(), to, to == all.size() && ended.contains(task.id())));
    }
}
