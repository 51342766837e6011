package dev.starling.runtime.oci;

import static dev.starling.runtime.kernel.Flags.AT_EMPTY_PATH;
import static dev.starling.runtime.kernel.Flags.AT_FDCWD;
import static dev.starling.runtime.kernel.Flags.MOVE_MOUNT_F_EMPTY_PATH;
import static dev.starling.runtime.kernel.Flags.MOVE_MOUNT_T_SYMLINKS;
import static dev.starling.runtime.kernel.Flags.OPEN_TREE_CLONE;
import static dev.starling.runtime.kernel.Flags.O_CLOEXEC;
import static dev.starling.runtime.kernel.Flags.O_RDONLY;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.UserNamespace;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Errno;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.kernel.SystemCall;
import dev.starling.runtime.kernel.ThreadCapabilities;
import dev.starling.runtime.launch.Bundle;
import dev.starling.runtime.launch.ImageRoot;
import dev.starling.runtime.launch.UserNamespaceMaker;
import java.nio.file.Path;
import jnr.ffi.Pointer;

/**
 * A container's root file system under a user namespace. On the disk everything keeps the users that image and container know (0 is 0): layers are shared with
 * containers that are mapped otherwise or not, and nothing is copied or chowned. Layers and what is written over them are seen through idmapped mounts
 * (mount_setattr(2); overlay takes them since Linux 5.19), in which 0 is the namespace's first user.
 *
 * <pre>
 *   layer.0, layer.1, ../../mount-points    each mounted, mapped, over itself
 *   mapped/upper, mapped/work               of the bundle, mounted, mapped, at mapped/
 *   root                                    the overlay of these, mounted as the first user: in its name the kernel makes what overlay needs
 * </pre>
 *
 * All on a thread of {@link PrivateMounts}, so the host sees none of it.
 */
final class MappedFiles {
    private static final String MAPPED = "mapped";
    private static final long MOUNT_ATTR_IDMAP = 0x00100000;
    private static final int PERMISSIONS = 07777;
    private static final int SEARCHED_BY_GROUP = 0010;
    private static final int SEARCHED_BY_ALL = 0001;
    /** The bundles', the runtime's above it, and the agent's data directory. */
    private static final int OWN_DIRECTORIES = 3;

    private final Kernel kernel;
    private final UserNamespace mapping;
    /** Kept as long as the agent runs. */
    private final Descriptor namespace;

    /**
     * @param containers directory of the bundles. Its group, and that of the two above where they are closed, becomes the namespace's first, which may pass through: a runtime
     *                   sets a container up as that user. They are not opened to all, as images have programs that give whoever calls them root's rights
     * @throws RuntimeShimException UNSUPPORTED where a directory above is closed, or the host cannot make user namespaces
     */
    MappedFiles(Kernel kernel, UserNamespace mapping, Path containers) {
        this.kernel = kernel;
        this.mapping = mapping;
        this.namespace = UserNamespaceMaker.make(kernel, mapping);
        int own = OWN_DIRECTORIES;
        for (Path directory = containers; directory != null; directory = directory.getParent()) {
            int mode = kernel.mode(directory.toString(), true);
            if ((mode & SEARCHED_BY_ALL) == 0) {
                letPass(directory.toString(), mode, own > 0);
            }
            own--;
        }
    }

    private void letPass(String directory, int mode, boolean own) {
        if (!own) {
            throw RuntimeShimException.unsupported("user-namespace: user " + mapping.first() + " has to pass through " + directory + " (chmod o+x)");
        }
        try (Descriptor opened = kernel.open(directory, O_RDONLY)) {
            kernel.check(kernel.libc().fchown(opened.number(), 0, mapping.first()), "chown", directory);
        }
        kernel.check(kernel.libc().chmod(directory, mode & PERMISSIONS | SEARCHED_BY_GROUP), "chmod", directory);
    }

    /** With the bundle as the working directory; its {@code root} is there. */
    void mountRoot(ImageRoot root) {
        if (!(root instanceof ImageRoot.Layers layers)) {
            throw RuntimeShimException.unsupported("user-namespace: a root directory that is no image: " + root);
        }
        int layerCount = layers.count();
        kernel.makeDirectory(MAPPED, 0700);
        for (String layer : Bundle.lowerPaths(layerCount)) {
            map(layer, layer);
        }
        map(".", MAPPED);
        asFirstUser(() -> kernel.mount("overlay", "root", "overlay", 0, Bundle.overlayOptions(layerCount, MAPPED + "/")));
    }

    private void map(String source, String target) {
        Pointer from = kernel.string(source);
        Pointer to = kernel.string(target);
        Pointer empty = kernel.string("");
        Pointer attributes = kernel.memory(32); // struct mount_attr { set, clear, propagation, userns }
        attributes.putLong(0, MOUNT_ATTR_IDMAP);
        attributes.putLong(24, namespace.number());
        try (Descriptor tree = new Descriptor(kernel, (int) kernel.checkedCall(
                source, SystemCall.OPEN_TREE, AT_FDCWD, from, OPEN_TREE_CLONE | O_CLOEXEC, 0, 0))) {
            if (kernel.call(SystemCall.MOUNT_SETATTR, tree.number(), empty, AT_EMPTY_PATH, attributes, 32) < 0) {
                throw notMapped(source, kernel.errno());
            }
            kernel.checkedCall("to " + target, SystemCall.MOVE_MOUNT, tree.number(), empty, AT_FDCWD, to, MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS);
        }
    }

    private RuntimeShimException notMapped(String source, int errno) {
        RuntimeShimException failure = kernel.failure("mount_setattr: map the users of " + source, errno);
        if (errno != Errno.EINVAL.number() && errno != Errno.ENOSYS.number()) {
            return failure;
        }
        return new RuntimeShimException(RuntimeShimException.Kind.UNSUPPORTED, failure.getMessage()
                + ": user-namespace needs Linux 5.19 or newer and a data-dir on a file system that can map users (ext4, xfs, btrfs)", errno, failure);
    }

    /**
     * With that user's name on what is made, and all the rights of the agent: an id that a mapped mount does not know could make nothing there. The thread goes on as root; it ends
     * soon anyhow.
     */
    private void asFirstUser(Runnable body) {
        kernel.call(SystemCall.SETFSGID, mapping.first(), 0, 0);
        kernel.call(SystemCall.SETFSUID, mapping.first(), 0, 0);
        try {
            ThreadCapabilities.raiseToPermitted(kernel); // the change of user took those for files away
            body.run();
        } finally {
            kernel.call(SystemCall.SETFSUID, 0, 0, 0);
            kernel.call(SystemCall.SETFSGID, 0, 0, 0);
        }
    }
}
