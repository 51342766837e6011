package dev.starling.node.api;

import dev.starling.runtime.ExecProcess;
import dev.starling.runtime.ExecSpec;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.OptionalInt;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;

/**
 * A process that was added to a container, as the API sees one. Commands: {@code say TEXT CODE} writes to both streams and ends; {@code cat} answers its
 * input, until that ends; {@code flood N} writes N kilobytes, and waits for its reader as a real one would; {@code late N} does so a while after its input has ended; {@code leave CODE} takes no input but waits for
 * some, and ends.
 */
final class FakeProcess implements ExecProcess {
    private final ExecSpec spec;
    private final Output output;
    private final CompletableFuture<OptionalInt> exit = new CompletableFuture<>();
    private final Queue<byte[]> waiting = new ArrayDeque<>();
    private boolean held;
    private OptionalInt code;
    private volatile boolean inputClosed;

    FakeProcess(ExecSpec spec, Output output) {
        this.spec = spec;
        this.output = output;
    }

    void begin() {
        switch (spec.command().get(0)) {
            case "say" -> {
                write(1, spec.command().get(1) + "\n");
                write(2, "error\n");
                end(Integer.parseInt(spec.command().get(2)));
            }
            case "flood" -> flood();
            case "cat", "leave", "late" -> { }
            default -> throw new AssertionError("no such fake command: " + spec.command());
        }
    }

    private void flood() {
        for (int i = 0; i < Integer.parseInt(spec.command().get(1)); i++) {
            hand(new byte[1024]);
        }
        end(0);
    }

    private void write(int stream, String text) {
        output.accept(stream, text.getBytes(StandardCharsets.UTF_8));
    }

    private synchronized void hand(byte[] bytes) {
        waiting.add(bytes);
        pump();
    }

    private synchronized void end(int exitCode) {
        code = OptionalInt.of(exitCode);
        pump();
    }

    private synchronized void pump() {
        while (!held && !waiting.isEmpty()) {
            held = !output.accept(1, waiting.remove());
        }
        if (waiting.isEmpty() && code != null) {
            exit.complete(code);
        }
    }

    @Override
    public int pid() {
        return 4712;
    }

    @Override
    public CompletionStage<Void> write(byte[] bytes) {
        if (inputClosed) {
            throw new AssertionError("input after its end");
        }
        if (spec.command().get(0).equals("leave")) {
            CompletableFuture.runAsync(() -> end(Integer.parseInt(spec.command().get(1))), CompletableFuture.delayedExecutor(100, TimeUnit.MILLISECONDS));
            return new CompletableFuture<>();
        }
        // a slow reader: what the client sends meanwhile has to wait, its end included
        return CompletableFuture.runAsync(() -> hand(bytes), CompletableFuture.delayedExecutor(5, TimeUnit.MILLISECONDS));
    }

    @Override
    public void closeInput() {
        boolean first = !inputClosed;
        inputClosed = true;
        if (spec.command().get(0).equals("cat")) {
            hand("<end>".getBytes(StandardCharsets.UTF_8));
            end(0);
        } else if (first && spec.command().get(0).equals("late")) {
            CompletableFuture.runAsync(this::flood, CompletableFuture.delayedExecutor(300, TimeUnit.MILLISECONDS));
        }
    }

    @Override
    public void resize(int rows, int columns) {}

    @Override
    public synchronized void resumeOutput() {
        held = false;
        pump();
    }

    @Override
    public void signal(int signal) {
        throw new AssertionError("the API signals no added process");
    }

    @Override
    public CompletionStage<OptionalInt> exit() {
        return exit;
    }
}
