package dev.starling.runtime.launch;

import static dev.starling.runtime.kernel.Flags.*;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Errno;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.kernel.SystemCall;
import java.nio.file.Path;
import java.util.List;
import jnr.ffi.Pointer;

/**
 * Gives a held container its /proc, on a disposable thread, and covers there what Docker covers.
 *
 * <p>A proc file system shows the pid namespace of who mounts it, and a thread of the agent is never in the container's. Linux 6.17 lets the
 * mounter name the namespace; before, the host's {@code mount} does it, as a child born into that namespace. Either way
 * the detached mount is then moved into the container's mount namespace, which the thread joins.
 */
final class ProcMount {
    private final Kernel kernel;
    private final int pid;
    private final Descriptor process;
    private final Path scratch;
    private final boolean throughHelper;
    private final Pointer spawnAttributes;

    /** @param scratch an empty directory the helper may mount on; {@code throughHelper} do as on kernels before 6.17 */
    ProcMount(Kernel kernel, int pid, Descriptor process, Path scratch, boolean throughHelper, Pointer spawnAttributes) {
        this.kernel = kernel;
        this.pid = pid;
        this.process = process;
        this.scratch = scratch;
        this.throughHelper = throughHelper;
        this.spawnAttributes = spawnAttributes;
    }

    void run(String threadName) {
        DisposableThread.run(threadName, this::mount);
    }

    private void mount() {
        try (Descriptor namespace = kernel.open("/proc/" + pid + "/ns/pid", O_RDONLY); Descriptor mount = detached(namespace)) {
            kernel.check(kernel.libc().setns(process.number(), CLONE_NEWNS), "setns into the container's mounts");
            Pointer empty = kernel.string("");
            Pointer target = kernel.string("/proc");
            kernel.checkedCall(
                    "to /proc", SystemCall.MOVE_MOUNT, mount.number(), empty, AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH);
            for (String path : ProcPaths.MASKED) {
                mask(path);
            }
            for (String path : ProcPaths.READ_ONLY) {
                makeReadOnly(path);
            }
        }
    }

    private Descriptor detached(Descriptor namespace) {
        if (!throughHelper) {
            kernel.check(kernel.libc().unshare(CLONE_FS), "unshare file system attributes");
            Descriptor mount = byNamespaceDescriptor(namespace);
            if (mount != null) {
                return mount;
            }
        }
        return byHelper(namespace);
    }

    /** @return null where the kernel does not know the option "pidns" */
    private Descriptor byNamespaceDescriptor(Descriptor namespace) {
        Pointer proc = kernel.string("proc");
        Pointer source = kernel.string("source");
        Pointer option = kernel.string("pidns");
        int context = (int) kernel.checkedCall("proc", SystemCall.FSOPEN, proc, FSOPEN_CLOEXEC, 0, 0, 0);
        try (Descriptor configuration = new Descriptor(kernel, context)) {
            kernel.checkedCall("source", SystemCall.FSCONFIG, context, FSCONFIG_SET_STRING, source, proc, 0);
            if (kernel.call(SystemCall.FSCONFIG, context, FSCONFIG_SET_FD, option, 0, namespace.number()) < 0) {
                if (kernel.errno() == Errno.EINVAL.number()) {
                    return null;
                }
                throw kernel.failure("fsconfig pidns", kernel.errno());
            }
            kernel.checkedCall("create", SystemCall.FSCONFIG, context, FSCONFIG_CMD_CREATE, 0, 0, 0);
            long attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
            return new Descriptor(kernel, (int) kernel.checkedCall("proc", SystemCall.FSMOUNT, context, FSMOUNT_CLOEXEC, attributes, 0, 0));
        }
    }

    private Descriptor byHelper(Descriptor namespace) {
        kernel.check(kernel.libc().unshare(CLONE_FS | CLONE_NEWNS), "unshare mounts for the mount helper");
        kernel.mount("", "/", null, MS_REC | MS_PRIVATE, null);
        kernel.check(kernel.libc().setns(namespace.number(), CLONE_NEWPID), "setns into the container's pids");
        List<String> command = List.of("mount", "-n", "-i", "-t", "proc", "-o", "nosuid,nodev,noexec", "proc", scratch.toString());
        int status = HostProgram.run(kernel, spawnAttributes, "/bin/mount", command);
        if (status != 0) {
            throw RuntimeShimException.system("/bin/mount -t proc " + scratch + " ended with status " + status, null);
        }
        Pointer path = kernel.string(scratch.toString());
        long tree = kernel.checkedCall(scratch.toString(), SystemCall.OPEN_TREE, AT_FDCWD, path, OPEN_TREE_CLONE | O_CLOEXEC, 0, 0);
        kernel.libc().umount2(scratch.toString(), MNT_DETACH);
        return new Descriptor(kernel, (int) tree);
    }

    private void mask(String path) {
        int mode = kernel.mode(path, false);
        if (mode == 0) {
            return;
        }
        if ((mode & S_IFMT) == S_IFDIR) {
            kernel.mount("tmpfs", path, "tmpfs", MS_RDONLY, null);
        } else {
            kernel.mount("/dev/null", path, null, MS_BIND, null);
        }
    }

    private void makeReadOnly(String path) {
        if (kernel.mode(path, false) == 0) {
            return;
        }
        kernel.mount(path, path, null, MS_BIND | MS_REC, null);
        kernel.mount(null, path, null, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, null);
    }
}
