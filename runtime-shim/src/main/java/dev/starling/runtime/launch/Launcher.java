package dev.starling.runtime.launch;

import static dev.starling.runtime.kernel.Flags.*;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.Security;
import dev.starling.runtime.cgroup.Cgroups;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.kernel.SpawnActions;
import dev.starling.runtime.seccomp.FilterSource;
import java.nio.file.Path;
import java.util.Optional;
import jnr.ffi.Pointer;

/**
 * Brings a container's first process into being, held before exec.
 *
 * <pre>
 *   caller                        InsideThread                     child (vfork of it)
 *   open gate/ready for reading   (in a Sandbox, perhaps: cgroups
 *                                 and namespaces are there)
 *   start it, poll ........... -> cgroups, namespaces, root,
 *                                 privileges, posix_spawn ....... -> open+close gate/ready
 *   wakes by the hang-up            (blocked, as vfork does)         open gate/go: held
 *   pid, pidfd, cgroups, limits
 *   network, ProcMount thread
 *   open gate/go ............................................... -> exec
 * </pre>
 */
final class Launcher {
    private final Kernel kernel;
    private final Cgroups cgroups;
    private final Gates gates;
    private final Sandboxes sandboxes;
    private final boolean procThroughHelper;
    private final FilterSource filters;
    private final Pointer spawnAttributes;

    Launcher(Kernel kernel, Cgroups cgroups, Gates gates, Sandboxes sandboxes, boolean procThroughHelper) {
        this.kernel = kernel;
        this.cgroups = cgroups;
        this.gates = gates;
        this.sandboxes = sandboxes;
        this.procThroughHelper = procThroughHelper;
        this.filters = new FilterSource(kernel.architecture(), kernel.release());
        this.spawnAttributes = SpawnActions.attributes(kernel);
    }

    /** The container's ends of its FIFOs. */
    record StandardStreams(Descriptor input, Descriptor output, Descriptor error) {}

    /** @param terminal master, null for none */
    record Started(HeldProcess process, Descriptor terminal) {}

    /** The seccomp program of a process, null for none. */
    byte[] filter(ProcessPlan process, Security security) {
        return filters.program(security.seccomp(), process.capabilities());
    }

    /** The bundle is there. @throws RuntimeShimException with nothing left running */
    Started hold(LaunchRequest request) {
        if (request.streams().tty()) {
            return hold(request, null);
        }
        Bundle bundle = request.bundle();
        // Opened for both directions: with its own reading end in its hands, a container is not killed by SIGPIPE while no agent runs.
        try (Descriptor output = kernel.open(bundle.standardOutput().toString(), O_RDWR);
                Descriptor error = kernel.open(bundle.standardError().toString(), O_RDWR);
                Descriptor input = request.streams().openStdin() ? kernel.open(bundle.standardInput().toString(), O_RDWR) : kernel.open("/dev/null", O_RDONLY)) {
            return hold(request, new StandardStreams(input, output, error));
        }
    }

    /** @param streams null where it gets a terminal, which only the thread inside of the container can open */
    private Started hold(LaunchRequest request, StandardStreams streams) {
        Sandbox sandbox = sandboxes.take();
        try {
            if (sandbox == null) {
                cgroups.create(request.bundle().id());
            } else {
                sandbox.serve(request.bundle().id());
            }
            return hold(request, streams, sandbox);
        } catch (RuntimeException e) {
            if (sandbox != null) {
                sandbox.discard();
            }
            throw e;
        }
    }

    private Started hold(LaunchRequest request, StandardStreams streams, Sandbox sandbox) {
        Optional<Path> joins = cgroups.namespaceMakerJoins(request.bundle().id());
        Descriptor namespace = joins.map(file -> CgroupNamespaceMaker.make(kernel, spawnAttributes, file)).orElse(null);
        try {
            boolean own = joins.isEmpty() || namespace != null;
            byte[] filter = filter(request.process(), request.security());
            InsideThread inside = new InsideThread(kernel, cgroups, request, filter, spawnAttributes, gates.open(), streams, namespace, own, sandbox != null);
            String name = "container-" + request.bundle().shortId();
            try {
                HeldProcess held = sandbox == null ? HeldProcess.start(kernel, inside, name) : HeldProcess.await(kernel, inside, sandbox.goOn(inside, name));
                return new Started(held, inside.terminal());
            } catch (RuntimeException e) {
                if (inside.terminal() != null) {
                    inside.terminal().close();
                }
                throw e;
            }
        } finally {
            if (namespace != null) {
                namespace.close();
            }
        }
    }

    /** Gives the held process its /proc. */
    void mountProc(HeldProcess held, Bundle bundle) {
        new ProcMount(kernel, held.pid(), held.descriptor(), bundle.directory(), procThroughHelper, spawnAttributes).run("proc-" + bundle.shortId());
    }
}
