package dev.starling.runtime.launch;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.cgroup.Cgroups;
import dev.starling.runtime.kernel.Capability;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.kernel.SpawnActions;
import jnr.ffi.Pointer;

/**
 * Adds a process to a running container, by the way {@link Launcher} takes for the first one: a disposable thread joins the container and
 * spawns, the child is held at a gate of its own until it is in its control group with its limits, then released.
 *
 * <p>While it is held it is a process of the container that shares this JVM's memory. The JVM is not dumpable, so nothing in the container may look
 * into it, unless it has CAP_SYS_PTRACE: such containers are refused.
 */
final class ExecLauncher {
    private final Kernel kernel;
    private final Cgroups cgroups;
    private final Gates gates;
    private final Pointer spawnAttributes;

    ExecLauncher(Kernel kernel, Cgroups cgroups, Gates gates) {
        this.kernel = kernel;
        this.cgroups = cgroups;
        this.gates = gates;
        this.spawnAttributes = SpawnActions.attributes(kernel);
    }

    /** Whether processes may be added to a container with these capabilities. @throws RuntimeShimException UNSUPPORTED where not */
    static void require(long capabilities) {
        if (Capability.SYS_PTRACE.isIn(capabilities)) {
            throw RuntimeShimException.unsupported(
                    "running a further process (docker exec, health checks) in a container with CAP_SYS_PTRACE: it could read the agent's memory");
        }
    }

    /** The container stays as it is meanwhile: neither ends its cgroup nor is frozen. Nothing is left where this fails. */
    ExecChild start(ExecRequest request, byte[] filter) {
        require(request.process().capabilities());
        ExecStreams streams = new ExecStreams(kernel, request.terminal(), request.input());
        try {
            HeldProcess held = hold(request, filter, streams);
            return goOn(request, streams, held);
        } catch (RuntimeException e) {
            streams.closeAll();
            throw e;
        }
    }

    private HeldProcess hold(ExecRequest request, byte[] filter, ExecStreams streams) {
        ExecThread thread = new ExecThread(kernel, cgroups, request, filter, streams, spawnAttributes, gates.open());
        return HeldProcess.start(kernel, thread, "exec-" + request.bundle().shortId());
    }

    private ExecChild goOn(ExecRequest request, ExecStreams streams, HeldProcess held) {
        try {
            cgroups.enter(request.bundle().id(), held.pid());
            InheritedLimits.apply(kernel, held.pid(), request.limits());
        } catch (RuntimeException e) {
            held.abandon();
            throw e;
        }
        try {
            held.release();
            return streams.handOver(held.pid(), held.descriptor());
        } catch (RuntimeException e) {
            held.descriptor().close();
            throw e;
        }
    }
}
