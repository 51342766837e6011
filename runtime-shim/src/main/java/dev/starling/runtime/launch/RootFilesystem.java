package dev.starling.runtime.launch;

import static dev.starling.runtime.kernel.Flags.*;

import dev.starling.runtime.ContainerFile;
import dev.starling.runtime.Mount;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.cgroup.Cgroups;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Errno;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.kernel.SystemCall;
import java.util.ArrayList;
import java.util.List;
import jnr.ffi.Pointer;

/**
 * The container's view of the file system, made by the thread that will spawn its first process, in that thread's own mount namespace.
 *
 * <p>The order is the defence against hostile images: what comes from the host is opened first, then the thread enters the image's root
 * (pivot_root, old root detached), and only then are mount points inside looked up and made. A symlink of the image can name nothing of
 * the host by then, because there is no path to it any more.
 */
final class RootFilesystem {
    private static final String[][] DEVICE_LINKS = {
        {"/proc/self/fd", "/dev/fd"}, {"/proc/self/fd/0", "/dev/stdin"}, {"/proc/self/fd/1", "/dev/stdout"}, {"/proc/self/fd/2", "/dev/stderr"},
        {"pts/ptmx", "/dev/ptmx"}, {"/proc/kcore", "/dev/core"},
    };
    private static final Object[][] DEVICES = {
        {"/dev/null", 1, 3}, {"/dev/zero", 1, 5}, {"/dev/full", 1, 7}, {"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0},
    };
    private static final long SAFE = MS_NOSUID | MS_NOEXEC | MS_NODEV;

    /** Something of the host, opened, with where it goes. */
    private record OpenMount(Descriptor tree, String target, boolean directory, boolean followLink) {}

    private final Kernel kernel;
    private final LaunchRequest request;
    /** Placed first: what the spec mounts there covers them. */
    private final List<OpenMount> nameFiles = new ArrayList<>();
    private final List<OpenMount> open = new ArrayList<>();
    /** Placed last, so that no tmpfs of the spec covers them ({@code /run}). */
    private final List<OpenMount> openFiles = new ArrayList<>();

    RootFilesystem(Kernel kernel, LaunchRequest request) {
        this.kernel = kernel;
        this.request = request;
    }

    /** Still in the host's root. */
    void openSourcesAndEnter() {
        String bundle = request.bundle().directory().toString();
        if (request.init() != null) {
            open.add(openTree(request.init().toString(), InitProgram.TARGET, false, true, true, Propagation.PRIVATE));
        }
        for (Mount mount : request.filesystem().mounts()) {
            if (mount.type() == Mount.Type.TMPFS) {
                continue;
            }
            int mode = kernel.mode(mount.source(), true);
            if (mode == 0) {
                throw RuntimeShimException.invalid("invalid mount config for type \"bind\": bind source path does not exist: " + mount.source());
            }
            open.add(openTree(mount.source(), mount.target(), (mode & S_IFMT) == S_IFDIR, true, mount.readOnly(), Propagation.of(mount.propagation())));
        }
        // after the sources: what was opened before is a peer of the host's mount still, as a shared or slave bind has to be
        kernel.mount("", "/", null, MS_REC | MS_PRIVATE, null);
        kernel.check(kernel.libc().chdir(bundle), "chdir", bundle); // and there this thread stays, whatever is mounted over it now
        openFiles(new MemoryFiles(kernel, bundle));
        request.root().mount(kernel, ".");
        kernel.check(kernel.libc().chdir(bundle), "chdir", bundle); // to what was mounted
        Pointer here = kernel.string(".");
        kernel.checkedCall(bundle, SystemCall.PIVOT_ROOT, here, here, 0, 0, 0);
        kernel.check(kernel.libc().umount2(".", MNT_DETACH), "detach the host's root");
        kernel.check(kernel.libc().chdir("/"), "chdir /");
    }

    private void openFiles(MemoryFiles memory) {
        List<ContainerFile> all = request.allFiles();
        if (all.isEmpty()) {
            return;
        }
        memory.write(all);
        for (int i = 0; i < all.size(); i++) {
            String path = all.get(i).path();
            if (i < request.nameFiles().size()) {
                nameFiles.add(openTree(memory.path(i), path, false, false, false, Propagation.PRIVATE));
            } else {
                openFiles.add(openTree(memory.path(i), path, false, true, true, Propagation.PRIVATE));
            }
        }
    }

    private OpenMount openTree(String source, String target, boolean directory, boolean followLink, boolean readOnly, Propagation propagation) {
        Pointer path = kernel.string(source);
        Descriptor tree = new Descriptor(
                kernel,
                (int) kernel.checkedCall(
                        source, SystemCall.OPEN_TREE, AT_FDCWD, path, OPEN_TREE_CLONE | AT_RECURSIVE | O_CLOEXEC, 0, 0));
        try {
            setAttributes(tree, source, readOnly, propagation);
        } catch (RuntimeShimException e) {
            tree.close();
            throw e;
        }
        return new OpenMount(tree, target, directory, followLink);
    }

    private void setAttributes(Descriptor tree, String source, boolean readOnly, Propagation propagation) {
        Pointer attributes = kernel.memory(32); // struct mount_attr { set, clear, propagation, userns }
        Pointer empty = kernel.string("");
        if (readOnly) {
            attributes.putLong(0, MOUNT_ATTR_RDONLY);
            setAttributes(tree, source + " read-only", empty, AT_RECURSIVE, attributes);
        }
        attributes.putLong(0, 0);
        attributes.putLong(16, propagation.flag());
        setAttributes(tree, "propagation of " + source, empty, propagation.recursive() ? AT_RECURSIVE : 0, attributes);
    }

    private void setAttributes(Descriptor tree, String what, Pointer empty, int flags, Pointer attributes) {
        kernel.checkedCall(what, SystemCall.MOUNT_SETATTR, tree.number(), empty, AT_EMPTY_PATH | flags, attributes, 32);
    }

    /** In the container's root. All but /proc, which only a member of the new pid namespace (or a newer kernel's fsconfig) can mount. */
    void furnish(List<Cgroups.ControllerMount> controllers, boolean ownCgroupNamespace) {
        kernel.libc().umask(0);
        for (String directory : List.of("/proc", "/dev", "/sys", "/etc")) {
            makeMountPoint(directory);
        }
        devices();
        kernel.mount("sysfs", "/sys", "sysfs", SAFE | MS_RDONLY, null);
        controlGroups(controllers, ownCgroupNamespace);
        hideFirmware();
        for (OpenMount file : nameFiles) {
            place(file);
        }
        for (OpenMount mount : open) {
            place(mount);
        }
        for (Mount mount : request.filesystem().mounts()) {
            if (mount.type() == Mount.Type.TMPFS) {
                temporary(mount);
            }
        }
        for (OpenMount file : openFiles) {
            place(file);
        }
        workingDirectory(request.process().workingDirectory());
        if (request.filesystem().readOnlyRoot()) {
            kernel.mount(null, "/", null, MS_REMOUNT | MS_BIND | MS_RDONLY, null);
        }
        kernel.libc().umask(022);
    }

    private void makeMountPoint(String directory) {
        int mode = kernel.mode(directory, false);
        if (mode == 0) {
            kernel.makeDirectory(directory, 0755);
        } else if ((mode & S_IFMT) != S_IFDIR) {
            throw RuntimeShimException.invalid("the image's " + directory + " is not a directory, so nothing can be mounted there");
        }
    }

    private void devices() {
        kernel.mount("tmpfs", "/dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k");
        for (Object[] device : DEVICES) {
            Pointer path = kernel.string((String) device[0]);
            kernel.checkedCall((String) device[0], SystemCall.MKNODAT, AT_FDCWD, path, S_IFCHR | 0666, (int) device[1] << 8 | (int) device[2], 0);
        }
        for (Devices.Node node : request.devices().nodes()) {
            device(node);
        }
        for (String[] link : DEVICE_LINKS) {
            kernel.check(kernel.libc().symlink(link[0], link[1]), "symlink", link[1]);
        }
        kernel.makeDirectory("/dev/pts", 0755);
        kernel.makeDirectory("/dev/shm", 01777);
        kernel.makeDirectory("/dev/mqueue", 0755);
        kernel.mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5");
        kernel.mount("shm", "/dev/shm", "tmpfs", SAFE, "mode=1777,size=65536k");
        kernel.mount("mqueue", "/dev/mqueue", "mqueue", SAFE, null);
    }

    /** Of the host. The directory is new and the container's alone. */
    private void device(Devices.Node node) {
        makeParents(node.target());
        Pointer path = kernel.string(node.target());
        kernel.checkedCall(node.target(), SystemCall.MKNODAT, AT_FDCWD, path, node.mode(), node.number(), 0);
        kernel.checkedCall(node.target(), SystemCall.FCHOWNAT, AT_FDCWD, path, node.uid(), node.gid(), 0);
    }

    /** Read-only views of the container's own groups; nothing where they would show the agent's. */
    private void controlGroups(List<Cgroups.ControllerMount> controllers, boolean ownNamespace) {
        String base = "/sys/fs/cgroup";
        if (!ownNamespace) {
            return;
        }
        if (controllers.size() == 1 && controllers.get(0).name().isEmpty()) {
            kernel.mount("cgroup", base, controllers.get(0).type(), SAFE | MS_RDONLY, null);
            return;
        }
        kernel.mount("tmpfs", base, "tmpfs", SAFE, "mode=755");
        for (Cgroups.ControllerMount controller : controllers) {
            String target = base + "/" + controller.name();
            kernel.makeDirectory(target, 0755);
            kernel.mount("cgroup", target, controller.type(), SAFE | MS_RDONLY, controller.data());
        }
        kernel.mount(null, base, null, MS_REMOUNT | MS_BIND | SAFE | MS_RDONLY, null);
    }

    private void hideFirmware() {
        for (String path : ProcPaths.MASKED_FIRMWARE) {
            if (kernel.mode(path, false) != 0) {
                kernel.mount("tmpfs", path, "tmpfs", MS_RDONLY, null);
            }
        }
    }

    private void place(OpenMount mount) {
        if (kernel.mode(mount.target, mount.followLink) == 0) {
            makeParents(mount.target);
            if (mount.directory) {
                kernel.makeDirectory(mount.target, 0755);
            } else {
                int fd = kernel.libc().open(mount.target, O_CREAT | O_WRONLY | O_CLOEXEC | kernel.architecture().openNoFollow(), 0644);
                kernel.libc().close(kernel.check(fd, "create mount point", mount.target));
            }
        }
        Pointer empty = kernel.string("");
        Pointer target = kernel.string(mount.target);
        int flags = MOVE_MOUNT_F_EMPTY_PATH | (mount.followLink ? MOVE_MOUNT_T_SYMLINKS : 0);
        kernel.checkedCall("to " + mount.target, SystemCall.MOVE_MOUNT, mount.tree.number(), empty, AT_FDCWD, target, flags);
        mount.tree.close();
    }

    private void temporary(Mount mount) {
        makeParents(mount.target());
        kernel.makeDirectory(mount.target(), 01777);
        kernel.mount("tmpfs", mount.target(), "tmpfs", SAFE | (mount.readOnly() ? MS_RDONLY : 0), temporaryOptions(mount));
    }

    private static String temporaryOptions(Mount mount) {
        String mode = "mode=" + (mount.mode() == 0 ? "1777" : Integer.toOctalString(mount.mode()));
        return mount.sizeBytes() == 0 ? mode : mode + ",size=" + mount.sizeBytes();
    }

    /** Docker makes a missing one. */
    private void workingDirectory(String path) {
        int mode = kernel.mode(path, true);
        if (mode == 0) {
            makeParents(path);
            kernel.makeDirectory(path, 0755);
        } else if ((mode & S_IFMT) != S_IFDIR) {
            throw new RuntimeShimException(
                    RuntimeShimException.Kind.INVALID, "Cannot mkdir: " + path + " is not a directory", Errno.ENOTDIR.number(), null);
        }
    }

    private void makeParents(String path) {
        for (int slash = path.indexOf('/', 1); slash > 0; slash = path.indexOf('/', slash + 1)) {
            kernel.makeDirectory(path.substring(0, slash), 0755);
        }
    }

    /** After success nothing is open any more; after a failure this gives back what is. */
    void closeSources() {
        for (OpenMount file : nameFiles) {
            file.tree.close();
        }
        for (OpenMount mount : open) {
            mount.tree.close();
        }
        for (OpenMount file : openFiles) {
            file.tree.close();
        }
    }
}
