package dev.starling.node.api;

import dev.starling.runtime.Container;
import dev.starling.runtime.ContainerChange;
import dev.starling.runtime.ContainerFile;
import dev.starling.runtime.ContainerRuntime;
import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.ExecProcess;
import dev.starling.runtime.ExecSpec;
import dev.starling.runtime.Mount;
import dev.starling.runtime.ProcessSpec;
import dev.starling.runtime.RuntimeShimException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** Containers that are only told of; what was done to them is in {@link #calls}. */
final class FakeRuntime implements ContainerRuntime {
    final List<String> calls = new CopyOnWriteArrayList<>();
    private final List<Container> containers = new CopyOnWriteArrayList<>();
    private volatile RuntimeException failure;
    private volatile Consumer<ContainerChange> listener = change -> {};

    /** The next call fails so. */
    void failWith(RuntimeException error) {
        failure = error;
    }

    private void failIfAsked() {
        RuntimeException error = failure;
        failure = null;
        if (error != null) {
            throw error;
        }
    }

    void addWithTerminal(String id, String name, Map<String, String> labels) {
        add(id, name, labels, List.of("sh"), true);
    }

    void add(String id, String name, Map<String, String> labels, List<String> args, String... volumes) {
        add(id, name, labels, args, false, volumes);
    }

    private void add(String id, String name, Map<String, String> labels, List<String> args, boolean tty, String... volumes) {
        List<Mount> mounts = Stream.of(volumes).map(volume -> new Mount(Mount.Type.VOLUME, volume, "/" + volume, false)).toList();
        ContainerSpec spec = ContainerSpec.of(id, name, "busybox:latest").withLabels(labels)
                .withProcess(ProcessSpec.INHERIT.withArgs(args).withEnv(List.of("A=1")))
                .withStreams(new ContainerSpec.Streams(tty, false)).withFilesystem(new ContainerSpec.Filesystem(false, mounts));
        Container container = new Container(spec, Container.State.RUNNING, 4711, Instant.now().minusSeconds(90), null, OptionalInt.empty(), false);
        containers.add(container);
        listener.accept(new ContainerChange(ContainerChange.Kind.STARTED, container, Instant.now()));
    }

    void end(String id, int exitCode) {
        containers.replaceAll(container -> !container.id().equals(id) ? container : new Container(container.spec(), Container.State.EXITED, 0,
                container.startedAt(), Instant.now(), OptionalInt.of(exitCode), false));
        listener.accept(new ContainerChange(ContainerChange.Kind.ENDED, inspect(id), Instant.now()));
    }

    @Override
    public void onChange(Consumer<ContainerChange> changes) {
        listener = changes;
    }

    @Override
    public void signal(String containerId, String signal) {
        failIfAsked();
        calls.add("signal " + containerId + " " + signal);
    }

    @Override
    public void stop(String containerId, Duration grace) {
        calls.add("stop " + containerId + " " + grace);
    }

    @Override
    public List<Container> list() {
        failIfAsked();
        return new ArrayList<>(containers);
    }

    @Override
    public Container inspect(String containerId) {
        return containers.stream().filter(container -> container.id().equals(containerId)).findFirst().orElse(null);
    }

    @Override
    public ExecProcess exec(String containerId, ExecSpec spec, ExecProcess.Output output) {
        if (spec.command().get(0).equals("nosuch")) {
            throw RuntimeShimException.invalid("unable to start container process: exec: \"nosuch\": executable file not found in $PATH");
        }
        if (spec.command().get(0).equals("threadless")) {
            throw new OutOfMemoryError("unable to create native thread");
        }
        FakeProcess process = new FakeProcess(spec, output);
        calls.add("exec " + containerId + " " + spec);
        process.begin();
        return process;
    }

    @Override
    public void resize(String containerId, int rows, int columns) {
        calls.add("resize " + containerId + " " + rows + " " + columns);
    }

    @Override
    public void pause(String containerId, boolean still) {
        failIfAsked();
        calls.add((still ? "pause " : "unpause ") + containerId);
    }

    @Override
    public Container start(ContainerSpec spec, List<ContainerFile> files, NetworkSetup network) {
        throw new AssertionError("the API starts no containers");
    }

    @Override
    public void remove(String containerId) {
        throw new AssertionError("the API removes no containers");
    }

    @Override
    public Path logFile(String containerId) {
        throw new AssertionError("the API reads logs through TaskLogs");
    }

    @Override
    public void onExit(Consumer<Container> listener) {
        throw new AssertionError("the API does not watch containers");
    }

    @Override
    public void close() {}
}
