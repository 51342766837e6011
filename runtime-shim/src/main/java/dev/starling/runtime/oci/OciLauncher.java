package dev.starling.runtime.oci;

import static dev.starling.runtime.kernel.Flags.O_PATH;
import static dev.starling.runtime.kernel.Flags.O_RDONLY;
import static dev.starling.runtime.kernel.Flags.O_RDWR;
import static dev.starling.runtime.kernel.Flags.PR_SET_CHILD_SUBREAPER;
import static dev.starling.runtime.kernel.Flags.S_IFDIR;
import static dev.starling.runtime.kernel.Flags.S_IFMT;

import dev.starling.runtime.Mount;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.Security;
import dev.starling.runtime.UserNamespace;
import dev.starling.runtime.cgroup.Cgroups;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Errno;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.kernel.Signals;
import dev.starling.runtime.launch.Accounts;
import dev.starling.runtime.launch.Bundle;
import dev.starling.runtime.launch.ContainerLauncher;
import dev.starling.runtime.launch.ExecChild;
import dev.starling.runtime.launch.ExecRequest;
import dev.starling.runtime.launch.ExitStatus;
import dev.starling.runtime.launch.Identity;
import dev.starling.runtime.launch.LaunchRequest;
import dev.starling.runtime.launch.MemoryFiles;
import dev.starling.runtime.launch.Pipe;
import dev.starling.runtime.launch.ProcessPlan;
import dev.starling.runtime.launch.RootView;
import dev.starling.runtime.seccomp.FilterSource;
import dev.starling.runtime.seccomp.SyscallRules;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Containers through crun or runc, as a program with an end: {@code create} is what brings a first process into being and holds it, {@code start} what
 * lets it go, {@code exec --detach} adds one. Nothing of the runtime stays. Signals, pausing, limits, statistics and the end are handled as for all
 * containers: by pidfd and control groups.
 *
 * <pre>
 *   caller            thread of PrivateMounts                        crun create
 *   control groups .. mounts the overlay and the files, for itself
 *                     reads the image's accounts, writes config.json
 *                     runs it in the container's control groups .... first process, held at its exec.fifo; ends
 *   limits, network                                                  (the process is the agent's child now: the agent is a subreaper)
 *   start
 * </pre>
 *
 * No thread of the agent ever enters the image, and no process of the container ever shares its memory. So, other than with {@code NativeLauncher},
 * processes can be added to a container that may trace others, and no image gets the JVM's program by {@code /proc/self/exe}.
 */
public final class OciLauncher implements ContainerLauncher {
    private static final int REAP_TIMEOUT_MILLIS = 10_000;

    private final Kernel kernel;
    private final Cgroups cgroups;
    private final OciProgram program;
    private final OciCall call;
    private final OciConfig config;
    private final Orphans orphans;
    private final FilterSource filters;
    /** Null where containers have the host's users. */
    private final UserNamespace mapping;
    private final MappedFiles mappedFiles;

    /**
     * @param mapping    of the containers' users, null for none; {@code containers} directory of the bundles
     * @throws RuntimeShimException UNSUPPORTED where this host or program cannot do that
     */
    public OciLauncher(Kernel kernel, Cgroups cgroups, OciProgram program, UserNamespace mapping, Path containers) {
        if (mapping != null && program.kind() != OciProgram.Kind.CRUN) {
            throw RuntimeShimException.unsupported("user-namespace with the container runtime \"" + program.kind() + "\": it cannot map volumes. crun can");
        }
        this.kernel = kernel;
        this.cgroups = cgroups;
        this.program = program;
        this.call = new OciCall(kernel, cgroups, program);
        this.config = new OciConfig(kernel.architecture(), mapping);
        this.mapping = mapping;
        this.mappedFiles = mapping == null ? null : new MappedFiles(kernel, mapping, containers);
        this.orphans = new Orphans(kernel, name());
        this.filters = new FilterSource(kernel.architecture(), kernel.release());
        // Children of the runtime's processes become the agent's own when those end, and tell it their exit codes.
        kernel.check(kernel.libc().prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl PR_SET_CHILD_SUBREAPER");
    }

    @Override
    public String name() {
        return program.kind().toString();
    }

    @Override
    public void check(Security security) {
        // whatever can be asked
    }

    @Override
    public void checkExec(long capabilities) {
        // an added process never shares the agent's memory
    }

    /** crun joins the user namespace first, and then may not look at the held process, which is still crun itself and protected against it. */
    @Override
    public boolean addsToHeld() {
        return mapping == null;
    }

    @Override
    public Held hold(LaunchRequest request) {
        for (Mount mount : request.filesystem().mounts()) {
            checkBind(mount);
        }
        Bundle bundle = request.bundle();
        cgroups.create(bundle.id());
        return PrivateMounts.run(kernel, "container-" + bundle.shortId(), () -> create(request));
    }

    @Override
    public void close() {
        // keeps nothing
    }

    private void checkBind(Mount mount) {
        if (mount.type() == Mount.Type.TMPFS) {
            return;
        }
        if (mount.propagation().endsWith("shared")) {
            throw RuntimeShimException.unsupported("bind-propagation " + mount.propagation() + " with the container runtime \"" + name() + "\": "
                    + mount.source() + " would have to be mounted in the host's own mount namespace. The native runtime does it");
        }
        if (kernel.mode(mount.source(), true) == 0) {
            throw RuntimeShimException.invalid("invalid mount config for type \"bind\": bind source path does not exist: " + mount.source());
        }
    }

    private Held create(LaunchRequest request) {
        Bundle bundle = request.bundle();
        String directory = bundle.directory().toString();
        kernel.check(kernel.libc().chdir(directory), "chdir", directory);
        for (String mountPoint : List.of("root", "files")) {
            kernel.makeDirectory(directory + "/" + mountPoint, 0700);
        }
        if (mapping == null) {
            request.root().mount(kernel, "root");
        } else {
            mappedFiles.mountRoot(request.root());
        }
        MemoryFiles files = new MemoryFiles(kernel, directory + "/files", mapping);
        files.write(request.allFiles());
        for (String mountPoint : List.of("proc", "dev", "sys", "etc")) {
            checkMountPoint(directory, mountPoint);
        }
        Identity identity = identity(directory + "/root", request.process());
        SyscallRules rules = filters.rules(request.security().seccomp(), request.process().capabilities());
        config.write(request, files, identity, rules, cgroups.path(bundle.id()));
        return request.streams().tty() ? createWithTerminal(bundle) : createWithStreams(request, identity);
    }

    private Held createWithTerminal(Bundle bundle) {
        try (ConsoleSocket socket = new ConsoleSocket(kernel); Descriptor none = kernel.open("/dev/null", O_RDWR)) {
            int pid = create(bundle, List.of("--console-socket", ConsoleSocket.NAME), none, none, none);
            return held(bundle, pid, socket.receive());
        } catch (RuntimeException e) {
            sweep(bundle);
            throw e;
        }
    }

    private Held held(Bundle bundle, int pid, Descriptor terminal) {
        try {
            Pipe.neverBlock(kernel, terminal);
            return new OciHeld(bundle, pid, terminal);
        } catch (RuntimeException e) {
            terminal.close();
            throw e;
        }
    }

    private Held createWithStreams(LaunchRequest request, Identity identity) {
        Bundle bundle = request.bundle();
        try (Descriptor output = kernel.open(bundle.standardOutput().toString(), O_RDWR);
                Descriptor error = kernel.open(bundle.standardError().toString(), O_RDWR);
                Descriptor input = request.streams().openStdin() ? kernel.open(bundle.standardInput().toString(), O_RDWR) : kernel.open("/dev/null", O_RDONLY)) {
            // so that /dev/stdout can be opened again by name
            for (Descriptor stream : request.streams().openStdin() ? List.of(input, output, error) : List.of(output, error)) {
                own(kernel, stream, identity, mapping);
            }
            return new OciHeld(bundle, create(bundle, List.of(), input, output, error), null);
        } catch (RuntimeException e) {
            sweep(bundle);
            throw e;
        }
    }

    private int create(Bundle bundle, List<String> further, Descriptor input, Descriptor output, Descriptor error) {
        Path pidFile = bundle.directory().resolve("pid");
        List<String> arguments = new ArrayList<>(List.of("--bundle", bundle.directory().toString(), "--pid-file", pidFile.toString()));
        arguments.addAll(further);
        arguments.add(bundle.id());
        return orphans.adopt(() -> {
            call.run(bundle, "create", arguments, input, output, error);
            return pid(pidFile);
        });
    }

    static void own(Kernel kernel, Descriptor stream, Identity identity, UserNamespace mapping) {
        int uid = mapping == null ? identity.uid() : mapping.onHost(identity.uid());
        int gid = mapping == null ? identity.gid() : mapping.onHost(identity.gid());
        kernel.check(kernel.libc().fchown(stream.number(), uid, gid), "chown a standard stream");
    }

    /** As without an OCI runtime: nothing is ever mounted by way of a link. */
    private void checkMountPoint(String directory, String name) {
        int mode = kernel.mode(directory + "/root/" + name, false);
        if (mode != 0 && (mode & S_IFMT) != S_IFDIR) {
            throw RuntimeShimException.invalid("the image's /" + name + " is not a directory, so nothing can be mounted there");
        }
    }

    private Identity identity(String root, ProcessPlan plan) {
        try (Descriptor opened = kernel.open(root, O_PATH | kernel.architecture().openDirectory())) {
            return Accounts.identity(new RootView(kernel, opened), plan.user(), plan.groups());
        }
    }

    /** Whether a first process of it was made and never let go: a runtime removes this FIFO when it starts one. */
    public static boolean isHeld(Bundle bundle) {
        return Files.exists(OciCall.stateDirectory(bundle).resolve(bundle.id()).resolve("exec.fifo"));
    }

    static int pid(Path file) {
        try {
            return Integer.parseInt(Files.readString(file).trim());
        } catch (IOException | NumberFormatException e) {
            throw RuntimeShimException.system("read the pid of a process from " + file + ": " + e, e);
        }
    }

    /** What a call that failed may have left in the container's groups. */
    private void sweep(Bundle bundle) {
        List<Integer> left = cgroups.processes(bundle.id());
        cgroups.kill(bundle.id());
        for (int pid : left) {
            if (pid == ProcessHandle.current().pid()) { // the thread that this is
                continue;
            }
            try (Descriptor process = kernel.openProcess(pid)) {
                kernel.waitReadable(process, REAP_TIMEOUT_MILLIS);
            } catch (RuntimeShimException e) {
                if (e.errno() != Errno.ESRCH.number()) {
                    throw e;
                }
            }
        }
        orphans.sweep();
    }

    @Override
    public ExecChild exec(ExecRequest request) {
        Bundle bundle = request.bundle();
        if (!Files.isDirectory(OciCall.stateDirectory(bundle))) {
            throw RuntimeShimException.unsupported("adding a process to container " + bundle.id() + ": it was started by the native runtime, and this agent's is \""
                    + name() + "\". A new container of its service will do");
        }
        return PrivateMounts.run(kernel, "exec-" + bundle.shortId(), () -> new OciExec(kernel, call, orphans, config, request, mapping).start(
                identity("/proc/" + request.pid() + "/root", request.process())));
    }

    private final class OciHeld implements Held {
        private final Bundle bundle;
        private final int pid;
        private final Descriptor terminal;
        private final Descriptor process;
        private final long startTime;

        OciHeld(Bundle bundle, int pid, Descriptor terminal) {
            this.bundle = bundle;
            this.pid = pid;
            this.terminal = terminal;
            this.startTime = ExitStatus.startTime(kernel, pid);
            this.process = kernel.openProcess(pid); // last: whoever gets this object closes it
        }

        @Override
        public int pid() {
            return pid;
        }

        @Override
        public long startTime() {
            return startTime;
        }

        @Override
        public Descriptor descriptor() {
            return process;
        }

        @Override
        public Descriptor terminal() {
            return terminal;
        }

        @Override
        public void furnish() {
            // all was done by create
        }

        @Override
        public void release() {
            PrivateMounts.run(kernel, "start-" + bundle.shortId(), () -> {
                try (Descriptor none = kernel.open("/dev/null", O_RDWR)) {
                    call.run(bundle, "start", List.of(bundle.id()), none, none, none);
                }
                return null;
            });
        }

        @Override
        public void abandon() {
            try {
                kernel.signal(process, Signals.SIGKILL);
                kernel.waitReadable(process, REAP_TIMEOUT_MILLIS);
                ExitStatus.reapIfEnded(kernel, pid); // ours, as orphans come to us
            } finally {
                process.close();
            }
        }
    }
}
