package dev.starling.runtime.supervision;

import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.ExecProcess;
import dev.starling.runtime.ExecSpec;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.events.EventLoop;
import dev.starling.runtime.exec.ExecSession;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.launch.ContainerLauncher;
import dev.starling.runtime.launch.ExecChild;
import dev.starling.runtime.launch.ExecRequest;
import dev.starling.runtime.launch.ExecRequest.TerminalSize;
import dev.starling.runtime.launch.ProcessPlan;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Adds processes to running containers, and knows those that run. */
final class Execs {
    private final Kernel kernel;
    private final ContainerLauncher launcher;
    private final EventLoop loop;
    private final Set<ExecSession> sessions = ConcurrentHashMap.newKeySet();

    Execs(Kernel kernel, ContainerLauncher launcher, EventLoop loop) {
        this.kernel = kernel;
        this.launcher = launcher;
        this.loop = loop;
    }

    ExecProcess start(Supervised container, ExecSpec spec, ExecProcess.Output output) {
        ProcessPlan first = container.state().plan();
        if (first == null) {
            throw RuntimeShimException.unsupported("adding processes to container " + container.id() + ", which an earlier release started");
        }
        TerminalSize size = spec.tty() ? new TerminalSize(spec.rows(), spec.columns()) : null;
        launcher.checkExec(first.capabilities());
        ExecChild child;
        synchronized (container.steady()) {
            if (container.paused()) {
                throw RuntimeShimException.conflict("Container " + container.id() + " is paused, unpause the container before exec");
            }
            try (Descriptor process = container.ownHandle()) { // it may end at any moment, and its descriptor's number be another's
                ContainerSpec all = container.state().spec();
                child = launcher.exec(new ExecRequest(
                        container.bundle(), process, container.state().pid(), first.exec(spec), size, spec.input(), all.security(), all.process().limits()));
            }
        }
        ExecSession session = ExecSession.start(kernel, loop, child, output);
        sessions.add(session);
        session.exit().whenComplete((code, failure) -> sessions.remove(session));
        return session;
    }

    /** On the loop's thread: the agent ends, the processes go on. */
    void abandonAll() {
        List.copyOf(sessions).forEach(ExecSession::abandon);
    }
}
