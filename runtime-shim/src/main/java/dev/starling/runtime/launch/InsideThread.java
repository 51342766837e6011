package dev.starling.runtime.launch;

import static dev.starling.runtime.kernel.Flags.*;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.RuntimeShimException.Kind;
import dev.starling.runtime.cgroup.Cgroups;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Errno;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.kernel.SpawnActions;
import dev.starling.runtime.kernel.SystemCall;
import java.util.Map;
import jnr.ffi.Pointer;

/**
 * The disposable thread that becomes the container, step by step, and then spawns its first process.
 *
 * <p>Namespaces, root directory, capabilities, filter and user id belong to a thread in Linux. So this one takes on all of them, calls
 * posix_spawn (which is vfork: safe in a JVM with many threads), and ends. The child is held before exec by opening the FIFO
 * {@code gate/go}; by opening {@code gate/ready} it told the launching thread that it is there.
 *
 * <p>After {@link RootFilesystem#openSourcesAndEnter} the thread's root is the image's. No class may be loaded here from then on (the class path would be
 * looked up in the image): {@link WarmUp} has run all of this before. And no thread may be started here: after CLONE_NEWPID the kernel
 * refuses.
 */
final class InsideThread implements Runnable {
    private static final int CAPABILITY_VERSION_3 = 0x20080522;
    private static final int SIOCSIFFLAGS = 0x8914;
    private static final int IFF_UP_RUNNING = 0x41;
    private static final int AF_INET = 2;
    private static final int SOCK_DGRAM = 2;
    private static final int MAX_ACCOUNT_FILE = 1 << 20;

    private final Kernel kernel;
    private final Cgroups cgroups;
    private final LaunchRequest request;
    private final Pointer spawnAttributes;
    private final Descriptor gate;
    private final Descriptor standardOutput;
    private final Descriptor standardError;
    private final Descriptor cgroupNamespace;
    private final boolean ownCgroupNamespace;

    private volatile int threadId;
    private volatile int pid;
    private volatile Throwable failure;

    /** @param cgroupNamespace to join, or null to make one; {@code ownCgroupNamespace} whether either is the container's own */
    InsideThread(
            Kernel kernel, Cgroups cgroups, LaunchRequest request, Pointer spawnAttributes, Descriptor gate, Descriptor standardOutput,
            Descriptor standardError, Descriptor cgroupNamespace, boolean ownCgroupNamespace) {
        this.kernel = kernel;
        this.cgroups = cgroups;
        this.request = request;
        this.spawnAttributes = spawnAttributes;
        this.gate = gate;
        this.standardOutput = standardOutput;
        this.standardError = standardError;
        this.cgroupNamespace = cgroupNamespace;
        this.ownCgroupNamespace = ownCgroupNamespace;
    }

    int threadId() {
        return threadId;
    }

    /** Of the process whose exec was let through, or which was killed while held. */
    int pid() {
        return pid;
    }

    Throwable failure() {
        return failure;
    }

    @Override
    public void run() {
        RootFilesystem root = new RootFilesystem(kernel, request);
        try {
            threadId = kernel.threadId();
            becomeContainer(root);
            spawn();
        } catch (Throwable e) {
            failure = e;
            wakeLauncher();
        } finally {
            root.closeSources();
        }
    }

    /** The launcher polls {@code gate/ready} for the hang-up of a writer. */
    private void wakeLauncher() {
        int fd = kernel.libc().openat(gate.number(), "ready", O_WRONLY | O_NONBLOCK | O_CLOEXEC, 0);
        if (fd >= 0) kernel.libc().close(fd);
    }

    private void becomeContainer(RootFilesystem root) {
        cgroups.enterWithThread(request.bundle().id(), threadId);
        if (cgroupNamespace != null) kernel.check(kernel.libc().setns(cgroupNamespace.number(), CLONE_NEWCGROUP), "setns cgroup");
        int namespaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | (cgroupNamespace == null ? CLONE_NEWCGROUP : 0);
        kernel.check(kernel.libc().unshare(CLONE_FS | namespaces), "unshare the container's namespaces");
        for (Map.Entry<String, String> sysctl : request.sysctls().entrySet()) kernel.write(Sysctls.path(sysctl.getKey()), sysctl.getValue());
        root.openSourcesAndEnter();
        root.furnish(cgroups.mounts(), ownCgroupNamespace);
        loopbackUp();
        String hostname = request.process().hostname();
        kernel.check(kernel.libc().sethostname(hostname, hostname.length()), "sethostname", hostname);
    }

    private void loopbackUp() {
        try (Descriptor socket = new Descriptor(kernel, kernel.check(kernel.libc().socket(AF_INET, SOCK_DGRAM | O_CLOEXEC, 0), "socket"))) {
            Pointer interfaceRequest = kernel.memory(64); // struct ifreq
            interfaceRequest.put(0, new byte[] {'l', 'o'}, 0, 2);
            interfaceRequest.putShort(16, (short) IFF_UP_RUNNING);
            kernel.check(kernel.libc().ioctl(socket.number(), SIOCSIFFLAGS, interfaceRequest), "set interface lo up");
        }
    }

    private void spawn() {
        ProcessPlan process = request.process();
        Identity identity = Identity.resolve(process.user(), process.groups(), accountFile("/etc/passwd"), accountFile("/etc/group"));
        // so that /dev/stdout can be opened again by name
        kernel.check(kernel.libc().fchown(standardOutput.number(), identity.uid(), identity.gid()), "chown stdout");
        kernel.check(kernel.libc().fchown(standardError.number(), identity.uid(), identity.gid()), "chown stderr");

        Kernel.StringArray argv = kernel.strings(process.argv());
        Kernel.StringArray environment = kernel.strings(process.environmentWithHome(identity.home()));
        try (SpawnActions actions = new SpawnActions(kernel)) {
            actions.open(0, "/dev/null", O_RDONLY)
                    .duplicate(standardOutput.number(), 1)
                    .duplicate(standardError.number(), 2)
                    .changeDirectory(gate.number())
                    .closeFrom(3)
                    .open(3, "ready", O_WRONLY)
                    .close(3)
                    .open(3, "go", O_RDONLY)
                    .close(3)
                    .changeDirectory(process.workingDirectory());
            giveUpPrivileges(identity, process.capabilities());
            if (kernel.libc().chdir(process.workingDirectory()) < 0) {
                throw refused("chdir to cwd (\"" + process.workingDirectory() + "\")", kernel.errno());
            }
            String program = program(process);
            SpawnActions.Spawned spawned = actions.spawn(program, argv, environment, spawnAttributes);
            if (spawned.errno() != 0) throw refused("exec: \"" + process.argv().get(0) + "\"", spawned.errno());
            pid = spawned.pid();
        }
    }

    /** Empty where it is missing or no plain file: an image must not make us wait on a FIFO or read a device. */
    private String accountFile(String path) {
        return (kernel.mode(path, true) & S_IFMT) == S_IFREG ? kernel.read(path, MAX_ACCOUNT_FILE) : "";
    }

    /** Raw calls: the C library's would change every thread of the agent. */
    private void giveUpPrivileges(Identity identity, long capabilities) {
        Pointer keyring = kernel.string("_ses." + request.bundle().id());
        if (kernel.call(SystemCall.KEYCTL, KEYCTL_JOIN_SESSION_KEYRING, keyring.address(), 0) < 0 && kernel.errno() != Errno.ENOSYS.number()) {
            throw kernel.failure("keyctl new session keyring", kernel.errno());
        }
        dropBoundingSet(capabilities);
        installFilter(); // CAP_SYS_ADMIN is still there, so no_new_privs need not be forced on the container
        Pointer groups = kernel.memory(4 * identity.groups().size() + 4);
        for (int i = 0; i < identity.groups().size(); i++) groups.putInt(4L * i, identity.groups().get(i));
        kernel.checkedCall("", SystemCall.SETGROUPS, identity.groups().size(), groups.address(), 0, 0, 0);
        kernel.checkedCall("" + identity.gid(), SystemCall.SETRESGID, identity.gid(), identity.gid(), identity.gid(), 0, 0);
        kernel.checkedCall("" + identity.uid(), SystemCall.SETRESUID, identity.uid(), identity.uid(), identity.uid(), 0, 0);
        if (identity.uid() == 0) setCapabilities(capabilities); // others have lost them by the change of user
    }

    private void dropBoundingSet(long keep) {
        for (int capability = 0; capability < 64; capability++) {
            if ((keep >>> capability & 1) != 0) continue;
            if (kernel.libc().prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) >= 0) continue;
            if (kernel.errno() == Errno.EINVAL.number()) return; // beyond the last one this kernel has
            throw kernel.failure("drop capability " + capability, kernel.errno());
        }
    }

    /** {@code struct sock_fprog { u16 length; struct sock_filter *filter }} */
    private void installFilter() {
        byte[] filter = request.filter();
        Pointer code = kernel.memory(filter.length);
        code.put(0, filter, 0, filter.length);
        Pointer program = kernel.memory(2 * kernel.pointerSize());
        program.putShort(0, (short) (filter.length / 8));
        program.putPointer(kernel.pointerSize(), code);
        kernel.checkedCall("install filter", SystemCall.SECCOMP, SECCOMP_SET_MODE_FILTER, 0, program.address(), 0, 0);
        java.lang.ref.Reference.reachabilityFence(code);
    }

    private void setCapabilities(long capabilities) {
        Pointer header = kernel.memory(8);
        header.putInt(0, CAPABILITY_VERSION_3);
        Pointer data = kernel.memory(24); // two of { effective, permitted, inheritable }
        for (int half = 0; half < 2; half++) {
            int bits = (int) (capabilities >>> 32 * half);
            data.putInt(12L * half, bits);
            data.putInt(12L * half + 4, bits);
        }
        kernel.checkedCall("", SystemCall.CAPSET, header.address(), data.address(), 0, 0, 0);
        java.lang.ref.Reference.reachabilityFence(header);
    }

    /** As a shell would find it; a path with a slash is taken as it is, relative to the working directory. */
    private String program(ProcessPlan process) {
        String name = process.argv().get(0);
        if (name.indexOf('/') >= 0) {
            int mode = kernel.mode(name, true);
            if (mode == 0) throw refused("exec: \"" + name + "\": stat " + name, Errno.ENOENT.number());
            if ((mode & S_IFMT) == S_IFDIR) throw refused("exec: \"" + name + "\"", Errno.EISDIR.number());
            if ((mode & 0111) == 0) throw refused("exec: \"" + name + "\"", Errno.EACCES.number());
            return name;
        }
        for (String directory : process.path().split(":")) {
            String path = (directory.isEmpty() ? "." : directory) + "/" + name;
            int mode = accessibleMode(path);
            if ((mode & S_IFMT) == S_IFREG && (mode & 0111) != 0) return path;
        }
        throw new RuntimeShimException(
                Kind.INVALID, "unable to start container process: exec: \"" + name + "\": executable file not found in $PATH", Errno.ENOENT.number(), null);
    }

    /** A directory of PATH which the user may not enter has no programs for it. */
    private int accessibleMode(String path) {
        try {
            return kernel.mode(path, true);
        } catch (RuntimeShimException e) {
            if (e.errno() == Errno.EACCES.number()) return 0;
            throw e;
        }
    }

    private static RuntimeShimException refused(String what, int errno) {
        return new RuntimeShimException(Kind.INVALID, "unable to start container process: " + what + ": " + Errno.text(errno), errno, null);
    }
}
