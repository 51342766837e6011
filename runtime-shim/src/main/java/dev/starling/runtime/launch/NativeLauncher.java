package dev.starling.runtime.launch;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.Security;
import dev.starling.runtime.cgroup.Cgroups;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Kernel;

/** Containers by system calls of this JVM: {@link Launcher} for the first process, {@link ExecLauncher} for further ones. */
public final class NativeLauncher implements ContainerLauncher {
    private final Kernel kernel;
    private final Cgroups cgroups;
    private final Launcher launcher;
    private final ExecLauncher execLauncher;
    private final Sandboxes sandboxes;

    /** @param sandboxes to keep ready, see {@link Sandboxes} */
    public NativeLauncher(Kernel kernel, Cgroups cgroups, Gates gates, int sandboxes, boolean procThroughHelper) {
        this.kernel = kernel;
        this.cgroups = cgroups;
        this.sandboxes = new Sandboxes(kernel, cgroups, sandboxes);
        this.launcher = new Launcher(kernel, cgroups, gates, this.sandboxes, procThroughHelper);
        this.execLauncher = new ExecLauncher(kernel, cgroups, gates);
    }

    @Override
    public String name() {
        return "native";
    }

    @Override
    public void check(Security security) {
        if (security.privileged()) {
            throw RuntimeShimException.unsupported("a privileged container with the native runtime: while it starts it could read the agent's memory. "
                    + "It can be given its devices and capabilities one by one, or the node the runtime crun or runc");
        }
    }

    @Override
    public void checkExec(long capabilities) {
        ExecLauncher.require(capabilities);
    }

    @Override
    public Held hold(LaunchRequest request) {
        try {
            return limited(launcher.hold(request), request);
        } catch (RuntimeException e) {
            sandboxes.replenish(); // as after a start that succeeds
            throw e;
        }
    }

    private Held limited(Launcher.Started started, LaunchRequest request) {
        HeldProcess held = started.process();
        try {
            cgroups.enter(request.bundle().id(), held.pid());
            InheritedLimits.apply(kernel, held.pid(), request.limits());
        } catch (RuntimeException e) {
            if (started.terminal() != null) {
                started.terminal().close();
            }
            held.abandon();
            throw e;
        }
        return new NativeHeld(held, started.terminal(), request.bundle());
    }

    @Override
    public ExecChild exec(ExecRequest request) {
        return execLauncher.start(request, launcher.filter(request.process(), request.security()));
    }

    @Override
    public void close() {
        sandboxes.close();
    }

    private final class NativeHeld implements Held {
        private final HeldProcess process;
        private final Descriptor terminal;
        private final Bundle bundle;

        NativeHeld(HeldProcess process, Descriptor terminal, Bundle bundle) {
            this.process = process;
            this.terminal = terminal;
            this.bundle = bundle;
        }

        @Override
        public int pid() {
            return process.pid();
        }

        @Override
        public long startTime() {
            return process.startTime();
        }

        @Override
        public Descriptor descriptor() {
            return process.descriptor();
        }

        @Override
        public Descriptor terminal() {
            return terminal;
        }

        @Override
        public void furnish() {
            launcher.mountProc(process, bundle);
        }

        @Override
        public void release() {
            try {
                process.release();
            } finally {
                sandboxes.replenish();
            }
        }

        @Override
        public void abandon() {
            try {
                process.abandon();
            } finally {
                sandboxes.replenish();
            }
        }
    }
}
