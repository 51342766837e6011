package dev.starling.runtime.volume;

import static dev.starling.runtime.kernel.Flags.*;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Errno;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.kernel.SystemCall;
import dev.starling.runtime.launch.DisposableThread;
import dev.starling.runtime.launch.ExitStatus;
import jnr.ffi.Pointer;

/**
 * A volume's file system as a running container has it: where an agent that is gone mounted it in a mount namespace of its own, the container's is all that is
 * left of it, and for a tmpfs mounting anew would be another, empty one.
 *
 * <p>A disposable thread enters the container's mount namespace and copies the mount from there; it does nothing else, since names mean the container's files there
 * and a class that was looked up would be the container's to give. What it brings is moved to its place on the caller's thread.
 */
final class MountOfContainer {
    private final Kernel kernel;
    private final String container;
    private final VolumesInUse.User user;

    MountOfContainer(Kernel kernel, String container, VolumesInUse.User user) {
        this.kernel = kernel;
        this.container = container;
        this.user = user;
    }

    /** @return false where the container has ended. @throws RuntimeShimException where it lives and cannot give it */
    boolean bringTo(String place, VolumeOptions options) {
        Descriptor namespace;
        try {
            namespace = kernel.open("/proc/" + user.pid() + "/ns/mnt", O_RDONLY);
        } catch (RuntimeShimException e) {
            if (isGone(e)) {
                return false;
            }
            throw e;
        }
        try (namespace) {
            if (!isThatProcess()) {
                return false;
            }
            if (!MountTable.of(kernel, Integer.toString(user.pid())).has(user.target())) {
                throw lost(place, "it is not mounted there any more", null);
            }
            try (Descriptor tree = DisposableThread.call("mount-" + container.substring(0, 12), () -> copy(namespace, options.isRecursive()))) {
                attach(tree, place, options);
            }
            return true;
        } catch (RuntimeShimException e) {
            if (!isThatProcess()) {
                return false;
            }
            throw e.kind() == RuntimeShimException.Kind.CONFLICT ? e : lost(place, e.getMessage(), e);
        }
    }

    private static boolean isGone(RuntimeShimException e) {
        return e.errno() == Errno.ENOENT.number() || e.errno() == Errno.ESRCH.number();
    }

    private boolean isThatProcess() {
        try {
            return ExitStatus.startTime(kernel, user.pid()) == user.startTime();
        } catch (RuntimeShimException e) {
            if (isGone(e)) {
                return false;
            }
            throw e;
        }
    }

    private RuntimeShimException lost(String place, String why, RuntimeShimException cause) {
        return new RuntimeShimException(RuntimeShimException.Kind.CONFLICT, "volume " + place + " was mounted by an earlier agent in a mount namespace of its own, and cannot be had from container "
                + container + " at " + user.target() + ": " + why + ". It is mounted anew once that container has ended", cause == null ? 0 : cause.errno(), cause);
    }

    private Descriptor copy(Descriptor namespace, boolean recursive) {
        Pointer target = kernel.string(user.target());
        int flags = OPEN_TREE_CLONE | O_CLOEXEC | (recursive ? AT_RECURSIVE : 0);
        open("/", OPEN_TREE_CLONE | O_CLOEXEC).close(); // all that is needed is loaded from here on
        kernel.check(kernel.libc().unshare(CLONE_FS), "unshare");
        kernel.check(kernel.libc().setns(namespace.number(), CLONE_NEWNS), "setns");
        return new Descriptor(kernel, (int) kernel.checkedCall(user.target(), SystemCall.OPEN_TREE, AT_FDCWD, target, flags, 0, 0));
    }

    private Descriptor open(String path, int flags) {
        Pointer name = kernel.string(path);
        return new Descriptor(kernel, (int) kernel.checkedCall(path, SystemCall.OPEN_TREE, AT_FDCWD, name, flags, 0, 0));
    }

    /** The container may have it read-only; the volume is as its options say. */
    private void attach(Descriptor tree, String place, VolumeOptions options) {
        Pointer empty = kernel.string("");
        Pointer attributes = kernel.memory(32); // struct mount_attr { set, clear, propagation, userns }
        if (!options.isReadOnly()) {
            attributes.putLong(8, MOUNT_ATTR_RDONLY);
            kernel.checkedCall(place, SystemCall.MOUNT_SETATTR, tree.number(), empty, AT_EMPTY_PATH, attributes, 32);
        }
        Pointer target = kernel.string(place);
        kernel.checkedCall("to " + place, SystemCall.MOVE_MOUNT, tree.number(), empty, AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH);
    }
}
