package dev.starling.runtime;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;

/**
 * Containers on this machine. Calls block; they may be made from any thread but the ones the runtime itself uses. Containers outlive the
 * runtime: a new one over the same directory finds ("adopts") those that still run.
 */
public interface ContainerRuntime extends AutoCloseable {
    /**
     * Makes the container's directory, root file system, namespaces and cgroup, lets {@code network} furnish its network namespace while
     * the first process is held before exec, then releases it.
     *
     * @param files put into it, in memory; not kept anywhere else
     * @throws RuntimeShimException with what could not be done, errno and path; nothing is left behind then
     */
    Container start(ContainerSpec spec, List<ContainerFile> files, NetworkSetup network);

    /** {@link #start(ContainerSpec, List, NetworkSetup)} without files. */
    default Container start(ContainerSpec spec, NetworkSetup network) {
        return start(spec, List.of(), network);
    }

    /** Sends {@code signal} to the first process ("TERM", "SIGTERM" or "15"). Ended already: nothing happens. */
    void signal(String containerId, String signal);

    /** Sends the spec's stop signal, waits at most {@code grace} for the end, then kills all processes. Returns after the end. */
    void stop(String containerId, Duration grace);

    /** Removes an ended container: root file system, logs, state. Unknown ids are ignored. */
    void remove(String containerId);

    /** All containers of this runtime's directory, ended ones that were not removed included. */
    List<Container> list();

    /** Null where there is none. */
    Container inspect(String containerId);

    /** The container's log in Docker's json-file format, one JSON object a line: {@code {"log":..,"stream":..,"time":..}}. */
    Path logFile(String containerId);

    /**
     * Told of each container's end, also of adopted ones and of those that ended while no agent ran. On a thread of the runtime: return soon.
     */
    void onExit(Consumer<Container> listener);

    /** Told of each container whose health has another status now. On a thread of the runtime: return soon. */
    default void onHealth(Consumer<Container> listener) {
        throw RuntimeShimException.unsupported("health checks");
    }

    /**
     * Told of all that happens to containers from now on, in the order in which it does, an end after {@link #onExit}. On a thread of the runtime: return soon.
     */
    default void onChange(Consumer<ContainerChange> listener) {
        throw RuntimeShimException.unsupported("telling of changes of containers");
    }

    /**
     * Adds a process to a running container.
     *
     * @throws RuntimeShimException CONFLICT where it does not run or is paused, INVALID where the program cannot be run
     */
    default ExecProcess exec(String containerId, ExecSpec spec, ExecProcess.Output output) {
        throw RuntimeShimException.unsupported("docker exec");
    }

    /**
     * Joins the streams of a running container's first process, from now on. {@link ExecProcess#exit} comes with the end of the container or of this agent, or
     * where the reader has fallen too far behind; without a code, which is the container's.
     *
     * @throws RuntimeShimException CONFLICT where it does not run
     */
    default ExecProcess attach(String containerId, ExecProcess.Output output) {
        throw RuntimeShimException.unsupported("docker attach");
    }

    /** The size of a container's terminal; nothing happens where it has none. @throws RuntimeShimException CONFLICT where it does not run */
    default void resize(String containerId, int rows, int columns) {
        throw RuntimeShimException.unsupported("resizing a container's terminal");
    }

    /** Lets a container's processes stand still, or go on. */
    default void pause(String containerId, boolean still) {
        throw RuntimeShimException.unsupported("pausing a container");
    }

    /** @throws RuntimeShimException CONFLICT where it does not run */
    default ContainerStats stats(String containerId) {
        throw RuntimeShimException.unsupported("statistics of a container");
    }

    /** Pids on the host. @throws RuntimeShimException CONFLICT where it does not run */
    default List<Integer> processes(String containerId) {
        throw RuntimeShimException.unsupported("listing the processes of a container");
    }

    /** What it has written over its image, in bytes; it looks at each file. */
    default long writtenBytes(String containerId) {
        throw RuntimeShimException.unsupported("the size of a container");
    }

    /** Stops watching; leaves the containers running. */
    @Override
    void close();

    /** Furnishes a container's network namespace. {@code netns} is {@code /proc/PID/ns/net} of the held first process. */
    @FunctionalInterface
    interface NetworkSetup {
        NetworkSetup NONE = (containerId, netns) -> {};

        void attach(String containerId, Path netns);
    }
}
