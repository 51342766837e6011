package dev.starling.runtime.launch;

import static dev.starling.runtime.kernel.Flags.*;

import dev.starling.runtime.ContainerFile;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.UserNamespace;
import dev.starling.runtime.kernel.Errno;
import dev.starling.runtime.kernel.Kernel;
import java.util.List;

/**
 * The files that a container is handed (secrets, configs, its names), written into a tmpfs of its own. It is mounted over the bundle, but in the
 * container's mount namespace only: the host does not see it. The files are then bound one by one into the container; the tmpfs itself goes
 * out of reach with the host's root and lives as long as those binds.
 */
public final class MemoryFiles {
    /** A page is 64 KiB on some ARM kernels. */
    private static final long LARGEST_PAGE = 64 << 10;
    /** What a container may add to those it can write ({@code /etc/hosts}). */
    private static final long ROOM = 256 << 10;

    private final Kernel kernel;
    private final String directory;
    private final UserNamespace mapping;

    public MemoryFiles(Kernel kernel, String directory) {
        this(kernel, directory, null);
    }

    /** @param mapping of the container's users to the host's; null for none */
    public MemoryFiles(Kernel kernel, String directory, UserNamespace mapping) {
        this.kernel = kernel;
        this.directory = directory;
        this.mapping = mapping;
    }

    /** File {@code i} is at {@link #path} then. In the container's mount namespace, with the host's root. */
    public void write(List<ContainerFile> files) {
        String owner = mapping == null ? "" : "uid=" + mapping.first() + ",gid=" + mapping.first() + ",";
        mount("mode=0700," + owner + "nr_inodes=" + (files.size() + 8) + ",size=" + size(files));
        for (int i = 0; i < files.size(); i++) {
            ContainerFile file = files.get(i);
            kernel.createFile(path(i), file.content(), onHost(file.uid()), onHost(file.gid()), file.mode());
        }
    }

    private int onHost(int id) {
        return mapping == null ? id : mapping.onHost(id);
    }

    public String path(int index) {
        return directory + "/" + index;
    }

    /** Out of reach of swap where the kernel can do that (6.4). */
    private void mount(String options) {
        long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
        try {
            kernel.mount("tmpfs", directory, "tmpfs", flags, options + ",noswap");
        } catch (RuntimeShimException e) {
            if (e.errno() != Errno.EINVAL.number()) {
                throw e;
            }
            kernel.mount("tmpfs", directory, "tmpfs", flags, options);
        }
    }

    private static long size(List<ContainerFile> files) {
        long bytes = ROOM;
        for (ContainerFile file : files) {
            bytes += (file.content().length + LARGEST_PAGE) / LARGEST_PAGE * LARGEST_PAGE;
        }
        return bytes;
    }
}
