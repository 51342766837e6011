package dev.starling.runtime.launch;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.Security;
import dev.starling.runtime.kernel.Descriptor;

/**
 * How processes come to be in containers: by this JVM's own system calls ({@link NativeLauncher}), or by an OCI runtime ({@link dev.starling.runtime.oci.OciLauncher}).
 * What is around it is the same for all: images, volumes, logs, control groups, networks, supervision, adoption.
 */
public interface ContainerLauncher extends AutoCloseable {
    /** For people: {@code native}, {@code crun}. */
    String name();

    /** @throws RuntimeShimException UNSUPPORTED or INVALID where this launcher cannot do what is asked; before anything is made */
    void check(Security security);

    /** The same for adding a process to a container with these capabilities. */
    void checkExec(long capabilities);

    /** Whether processes can be added while the first one is still held, as the trial container does; later they always can. */
    default boolean addsToHeld() {
        return true;
    }

    /** The bundle is there; the control groups are made. @throws RuntimeShimException with nothing left running; its control groups may be */
    Held hold(LaunchRequest request);

    /** The container stays as it is meanwhile: neither ends its cgroup nor is frozen. Nothing is left where this fails. */
    ExecChild exec(ExecRequest request);

    /** Lets go of what is kept for later starts. What runs goes on. */
    @Override
    void close();

    /** A first process inside of its namespaces and control groups, before its program runs. Either {@link #release} or {@link #abandon} it. */
    interface Held {
        int pid();

        /** With the pid it names the process for ever. */
        long startTime();

        /** Its pidfd; whoever releases it closes that, abandoning does it itself. */
        Descriptor descriptor();

        /** The master of its terminal, non-blocking, which is the caller's to close whatever happens; null where it has none. */
        Descriptor terminal();

        /** What is still missing in it once its network is there. */
        void furnish();

        /** Lets it go on to its program. @throws RuntimeShimException where that cannot be run; the process is gone then */
        void release();

        /** Kills and reaps it. */
        void abandon();
    }
}
