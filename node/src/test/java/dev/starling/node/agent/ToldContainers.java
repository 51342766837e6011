package dev.starling.node.agent;

import dev.starling.runtime.Container;
import dev.starling.runtime.ContainerFile;
import dev.starling.runtime.ContainerRuntime;
import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.Health;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/** Containers that run as soon as they are started and until they are stopped; {@link #calls} says what was asked. They outlive the agent. */
public class ToldContainers implements ContainerRuntime {
    public final List<String> calls = new CopyOnWriteArrayList<>();
    /** Container name and path -> what it was handed. */
    public final Map<String, ContainerFile> received = new ConcurrentHashMap<>();
    /** What is asked for all of them fails. */
    volatile boolean unreadable;
    /** Of those that are started from now on. */
    volatile Health health = Health.NONE;
    final AtomicInteger listed = new AtomicInteger();
    private final Map<String, Container> containers = new ConcurrentHashMap<>();

    @Override
    public Container start(ContainerSpec spec, List<ContainerFile> files, NetworkSetup network) {
        calls.add("start " + spec.name());
        files.forEach(file -> received.put(spec.name() + " " + file.path(), file));
        Container container = new Container(spec, Container.State.RUNNING, 4711, Instant.now(), null, OptionalInt.empty(), false, health, false);
        if (containers.putIfAbsent(spec.id(), container) != null) {
            throw new AssertionError("container " + spec.id() + " is there already");
        }
        return container;
    }

    /** As it is from now on; nobody is told. */
    void become(Container changed) {
        containers.replace(changed.id(), changed);
    }

    /** The power was cut. */
    void loseAll() {
        containers.clear();
        received.clear();
    }

    @Override
    public void signal(String containerId, String signal) {
        throw new AssertionError("not expected");
    }

    @Override
    public void stop(String containerId, Duration grace) {
        calls.add("stop " + containers.get(containerId).spec().name());
        containers.computeIfPresent(containerId, (id, running) -> new Container(running.spec(), Container.State.EXITED, 0, running.startedAt(),
                Instant.now(), OptionalInt.of(0), false));
    }

    @Override
    public void remove(String containerId) {
        containers.remove(containerId);
    }

    @Override
    public List<Container> list() {
        if (unreadable) {
            throw new IllegalStateException("the containers cannot be listed");
        }
        List<Container> all = List.copyOf(containers.values());
        listed.incrementAndGet();
        return all;
    }

    @Override
    public Container inspect(String containerId) {
        return containers.get(containerId);
    }

    @Override
    public Path logFile(String containerId) {
        throw new AssertionError("not expected");
    }

    @Override
    public void onExit(Consumer<Container> listener) {
        throw new AssertionError("not expected");
    }

    @Override
    public void close() {}
}
