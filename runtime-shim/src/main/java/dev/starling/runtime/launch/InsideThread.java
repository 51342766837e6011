package dev.starling.runtime.launch;

import static dev.starling.runtime.kernel.Flags.*;

import dev.starling.runtime.cgroup.Cgroups;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.kernel.SpawnActions;
import jnr.ffi.Pointer;

/**
 * What a disposable thread does to become the container, step by step, and then spawn its first process. It may be a {@link Sandbox}'s, with some of it done.
 *
 * <p>Namespaces, root directory, capabilities, filter and user id belong to a thread in Linux. So this one takes on all of them, calls
 * posix_spawn (which is vfork: safe in a JVM with many threads), and ends. The child is held before exec by opening the FIFO
 * {@code gate/go}; by opening {@code gate/ready} it told the launching thread that it is there.
 *
 * <p>After {@link RootFilesystem#openSourcesAndEnter} the thread's root is the image's. No class may be loaded here from then on (the class path would be
 * looked up in the image): {@link WarmUp} has run all of this before. And no thread may be started here: after CLONE_NEWPID the kernel
 * refuses.
 */
final class InsideThread extends Spawner {
    private final Cgroups cgroups;
    private final LaunchRequest request;
    private final byte[] filter;
    private final RootFilesystem root;
    private final Pointer spawnAttributes;
    private final Launcher.StandardStreams streams;
    private final Descriptor cgroupNamespace;
    private final boolean ownCgroupNamespace;
    private final boolean isolated;
    private volatile Descriptor terminal;

    /**
     * @param cgroupNamespace    to join; null where it is made by {@link Isolation}, or has to be made without one
     * @param ownCgroupNamespace whether either is the container's own
     * @param isolated           the thread is a {@link Sandbox}'s: it has been isolated already
     */
    InsideThread(
            Kernel kernel, Cgroups cgroups, LaunchRequest request, byte[] filter, Pointer spawnAttributes, Gates.Gate gate,
            Launcher.StandardStreams streams, Descriptor cgroupNamespace, boolean ownCgroupNamespace, boolean isolated) {
        super(kernel, gate);
        this.cgroups = cgroups;
        this.request = request;
        this.filter = filter;
        this.root = new RootFilesystem(kernel, request);
        this.spawnAttributes = spawnAttributes;
        this.streams = streams;
        this.cgroupNamespace = cgroupNamespace;
        this.ownCgroupNamespace = ownCgroupNamespace;
        this.isolated = isolated;
    }

    /** The master of its terminal; null where it has none, or not yet. */
    Descriptor terminal() {
        return terminal;
    }

    @Override
    int spawn() {
        try (AppArmor appArmor = AppArmor.open(kernel, request.security().appArmor())) {
            becomeContainer();
            return spawnFirstProcess(appArmor);
        }
    }

    @Override
    void cleanUp() {
        root.closeSources();
    }

    private void becomeContainer() {
        if (!isolated) {
            Isolation.enter(kernel, cgroups, request.bundle().id());
        }
        if (cgroupNamespace != null) {
            kernel.check(kernel.libc().setns(cgroupNamespace.number(), CLONE_NEWCGROUP), "setns cgroup");
        }
        boolean without = cgroupNamespace == null && !ownCgroupNamespace;
        kernel.check(kernel.libc().unshare(CLONE_NEWNS | (without ? CLONE_NEWCGROUP : 0)), "unshare the container's mounts");
        Isolation.set(kernel, Sysctls.besidesDefaults(request.sysctls()));
        root.openSourcesAndEnter();
        root.furnish(cgroups.mounts(), ownCgroupNamespace);
        String hostname = request.process().hostname();
        kernel.check(kernel.libc().sethostname(hostname, hostname.length()), "sethostname", hostname);
    }

    private void openTerminal(SpawnActions actions, Identity owner) {
        Terminal opened = Terminal.open(kernel, owner);
        terminal = opened.master();
        int console = kernel.libc().open("/dev/console", O_CREAT | O_WRONLY | O_CLOEXEC | kernel.architecture().openNoFollow(), 0600);
        kernel.libc().close(kernel.check(console, "create", "/dev/console"));
        kernel.mount(opened.path(), "/dev/console", null, MS_BIND, null);
        opened.becomeControlling(actions);
    }

    private void takeStreams(SpawnActions actions, Identity owner) {
        // so that /dev/stdout can be opened again by name
        kernel.check(kernel.libc().fchown(streams.output().number(), owner.uid(), owner.gid()), "chown stdout");
        kernel.check(kernel.libc().fchown(streams.error().number(), owner.uid(), owner.gid()), "chown stderr");
        if (request.streams().openStdin()) {
            kernel.check(kernel.libc().fchown(streams.input().number(), owner.uid(), owner.gid()), "chown stdin");
        }
        actions.duplicate(streams.input().number(), 0).duplicate(streams.output().number(), 1).duplicate(streams.error().number(), 2);
    }

    private int spawnFirstProcess(AppArmor appArmor) {
        ProcessPlan process = request.process();
        Identity identity = Accounts.identity(kernel, process.user(), process.groups());
        try (SpawnActions actions = new SpawnActions(kernel)) {
            if (request.streams().tty()) {
                openTerminal(actions, identity);
            } else {
                takeStreams(actions, identity);
            }
            passGate(actions, process.workingDirectory());
            Privileges.giveUp(kernel, request.bundle().id(), identity, process.capabilities(), request.security().noNewPrivileges());
            appArmor.applyAtExec();
            return Executable.spawn(kernel, actions, process, identity, filter, spawnAttributes);
        }
    }
}
