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
    private final Gates gates;
    private final boolean procThroughHelper;
    private final SeccompProfile profile = SeccompProfile.dockerDefault();
    private final Pointer spawnAttributes;
    private volatile Filter lastFilter;

    Launcher(Kernel kernel, Cgroups cgroups, Gates gates, boolean procThroughHelper) {
        this.kernel = kernel;
        this.cgroups = cgroups;
        this.gates = gates;
        this.procThroughHelper = procThroughHelper;
        this.spawnAttributes = SpawnActions.attributes(kernel);
    }

    private record Filter(long capabilities, byte[] program) {}

    /** The container's ends of its FIFOs. */
    record StandardStreams(Descriptor input, Descriptor output, Descriptor error) {}

    /** @param terminal master, null for none */
    record Started(HeldProcess process, Descriptor terminal) {}

    /** Of one set of capabilities after the other mostly the same: what was compiled last is kept. */
    byte[] filter(long capabilities) {
        Filter last = lastFilter;
        if (last == null || last.capabilities != capabilities) {
            last = new Filter(capabilities, FilterCompiler.compile(profile, kernel.architecture(), capabilities));
            lastFilter = last;
        }
        return last.program;
    }

    /** The bundle and the control groups are there. @throws RuntimeShimException with nothing left running */
    Started hold(LaunchRequest request) {
        if (request.terminal()) return hold(request, null);
        Bundle bundle = request.bundle();
        // Opened for both directions: with its own reading end in its hands, a container is not killed by SIGPIPE while no agent runs.
        try (Descriptor output = kernel.open(bundle.standardOutput().toString(), O_RDWR);
                Descriptor error = kernel.open(bundle.standardError().toString(), O_RDWR);
                Descriptor input = request.openInput() ? kernel.open(bundle.standardInput().toString(), O_RDWR) : kernel.open("/dev/null", O_RDONLY)) {
            return hold(request, new StandardStreams(input, output, error));
        }
    }

    /** @param streams null where it gets a terminal, which only the thread inside of the container can open */
    private Started hold(LaunchRequest request, StandardStreams streams) {
        Optional<Path> joins = cgroups.namespaceMakerJoins(request.bundle().id());
        Descriptor namespace = joins.map(file -> CgroupNamespaceMaker.make(kernel, spawnAttributes, file)).orElse(null);
        try {
            boolean own = joins.isEmpty() || namespace != null;
            byte[] filter = filter(request.process().capabilities());
            InsideThread inside = new InsideThread(kernel, cgroups, request, filter, spawnAttributes, gates.open(), streams, namespace, own);
            try {
                return new Started(HeldProcess.start(kernel, inside, "container-" + request.bundle().id().substring(0, 12)), inside.terminal());
            } catch (RuntimeException e) {
                if (inside.terminal() != null) inside.terminal().close();
                throw e;
            }
        } finally {
            if (namespace != null) namespace.close();
        }
    }

    /** Gives the held process its /proc. */
    void mountProc(HeldProcess held, Bundle bundle) {
        ProcMount mount = new ProcMount(
                kernel, held.pid(), held.descriptor(), bundle.directory(), procThroughHelper, spawnAttributes);
        Thread thread = new Thread(null, mount, "proc-" + bundle.id().substring(0, 12), STACK_BYTES);
        thread.start();
        HeldProcess.join(thread);
        if (mount.failure() != null) throw LaunchFailure.of(mount.failure());
    }
}
