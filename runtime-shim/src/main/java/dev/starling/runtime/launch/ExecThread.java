package dev.starling.runtime.launch;

import static dev.starling.runtime.kernel.Flags.*;

import dev.starling.runtime.cgroup.Cgroups;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.kernel.SpawnActions;
import jnr.ffi.Pointer;

/** The disposable thread that joins a running container and spawns a further process there, with no more rights than the first one has. */
final class ExecThread extends Spawner {
    private static final int NAMESPACES = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP;

    private final Cgroups cgroups;
    private final ExecRequest request;
    private final byte[] filter;
    private final ExecStreams streams;
    private final Pointer spawnAttributes;

    ExecThread(
            Kernel kernel, Cgroups cgroups, ExecRequest request, byte[] filter, ExecStreams streams, Pointer spawnAttributes, Gates.Gate gate) {
        super(kernel, gate);
        this.cgroups = cgroups;
        this.request = request;
        this.filter = filter;
        this.streams = streams;
        this.spawnAttributes = spawnAttributes;
    }

    @Override
    int spawn() {
        try (AppArmor appArmor = AppArmor.open(kernel, request.security().appArmor())) {
            return spawn(appArmor);
        }
    }

    private int spawn(AppArmor appArmor) {
        String containerId = request.bundle().id();
        ProcessPlan process = request.process();
        cgroups.enterWithThread(containerId);
        kernel.check(kernel.libc().unshare(CLONE_FS), "unshare file system attributes");
        kernel.check(kernel.libc().setns(request.container().number(), NAMESPACES), "setns into the container");
        kernel.libc().umask(022);
        Identity identity = Accounts.identity(kernel, process.user(), process.groups());
        try (SpawnActions actions = new SpawnActions(kernel)) {
            streams.prepare(actions, identity);
            passGate(actions, process.workingDirectory());
            Privileges.giveUp(kernel, containerId, identity, process.capabilities(), request.security().noNewPrivileges());
            appArmor.applyAtExec();
            return Executable.spawn(kernel, actions, process, identity, filter, spawnAttributes);
        }
    }
}
