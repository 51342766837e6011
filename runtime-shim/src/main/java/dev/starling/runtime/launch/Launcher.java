package dev.starling.runtime.launch;

import static dev.starling.runtime.kernel.Flags.*;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.cgroup.Cgroups;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.kernel.SpawnActions;
import dev.starling.runtime.seccomp.FilterCompiler;
import dev.starling.runtime.seccomp.SeccompProfile;
import java.nio.file.Path;
import java.util.Optional;
import jnr.ffi.Pointer;

/**
 * Brings a container's first process into being, held before exec.
 *
 * <pre>
 *   caller                        InsideThread                     child (vfork of it)
 *   open gate/ready for reading
 *   start it, poll ........... -> cgroups, namespaces, root,
 *                                 privileges, posix_spawn ....... -> open+close gate/ready
 *   wakes by the hang-up            (blocked, as vfork does)         open gate/go: held
 *   pid, pidfd, cgroups, limits
 *   network, ProcMount thread
 *   open gate/go ............................................... -> exec
 * </pre>
 */
final class Launcher {
    private static final int STACK_BYTES = 512 << 10;

    private final Kernel kernel;
    private final Cgroups cgroups;
    private final boolean procThroughHelper;
    private final SeccompProfile profile = SeccompProfile.dockerDefault();
    private final Pointer spawnAttributes;

    Launcher(Kernel kernel, Cgroups cgroups, boolean procThroughHelper) {
        this.kernel = kernel;
        this.cgroups = cgroups;
        this.procThroughHelper = procThroughHelper;
        this.spawnAttributes = SpawnActions.attributes(kernel);
    }

    /** The container's ends. */
    record StandardStreams(Descriptor input, Descriptor output, Descriptor error) {}

    byte[] filter(long capabilities) {
        return FilterCompiler.compile(profile, kernel.architecture(), capabilities);
    }

    /** The bundle and the control groups are there. @throws RuntimeShimException with nothing left running */
    HeldProcess hold(LaunchRequest request) {
        Bundle bundle = request.bundle();
        Descriptor gate = kernel.open(bundle.gate().toString(), O_PATH | kernel.architecture().openDirectory());
        // Opened for both directions: with its own reading end in its hands, a container is not killed by SIGPIPE while no agent runs.
        try (Descriptor ready = kernel.openAt(gate.number(), "ready", O_RDONLY | O_NONBLOCK);
                Descriptor output = kernel.open(bundle.standardOutput().toString(), O_RDWR);
                Descriptor error = kernel.open(bundle.standardError().toString(), O_RDWR);
                Descriptor input = request.openInput() ? kernel.open(bundle.standardInput().toString(), O_RDWR) : kernel.open("/dev/null", O_RDONLY)) {
            return hold(request, gate, ready, new StandardStreams(input, output, error));
        } catch (RuntimeException e) {
            gate.close();
            throw e;
        }
    }

    private HeldProcess hold(LaunchRequest request, Descriptor gate, Descriptor ready, StandardStreams streams) {
        Optional<Path> joins = cgroups.namespaceMakerJoins(request.bundle().id());
        Descriptor namespace = joins.map(file -> CgroupNamespaceMaker.make(kernel, spawnAttributes, file)).orElse(null);
        try {
            boolean own = joins.isEmpty() || namespace != null;
            InsideThread inside = new InsideThread(kernel, cgroups, request, filter(request.process().capabilities()), spawnAttributes, gate, streams, namespace, own);
            return HeldProcess.start(kernel, inside, "container-" + request.bundle().id().substring(0, 12), gate, ready);
        } finally {
            if (namespace != null) namespace.close();
        }
    }

    /** Gives the held process its /proc. */
    void mountProc(HeldProcess held, Bundle bundle) {
        ProcMount mount = new ProcMount(
                kernel, held.pid(), held.descriptor(), bundle.directory().resolve("root"), procThroughHelper, spawnAttributes);
        Thread thread = new Thread(null, mount, "proc-" + bundle.id().substring(0, 12), STACK_BYTES);
        thread.start();
        HeldProcess.join(thread);
        if (mount.failure() != null) throw LaunchFailure.of(mount.failure());
    }
}
