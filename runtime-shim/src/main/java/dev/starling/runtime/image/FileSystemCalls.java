package dev.starling.runtime.image;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.RuntimeShimException.Kind;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import jnr.ffi.LibraryLoader;
import jnr.ffi.Runtime;
import jnr.ffi.annotations.In;
import jnr.ffi.annotations.Out;
import jnr.ffi.types.dev_t;
import jnr.ffi.types.size_t;
import jnr.ffi.types.ssize_t;

/**
 * The system calls that unpacking a layer needs and Java does not have: everything relative to a directory's descriptor, device nodes,
 * numeric owners, extended attributes. Through libc's wrappers only, so that numbers and structure layouts are libc's business.
 *
 * <p>Each call throws SYSTEM with the call, the path as the caller knows it, and errno. Names are the bytes of ISO 8859-1 strings, see
 * {@link TarEntry}.
 */
final class FileSystemCalls {
    /** Alike on all architectures that Starling runs on: asm-generic/errno.h. */
    static final int EPERM = 1;
    static final int ENOENT = 2;
    static final int E2BIG = 7;
    static final int EEXIST = 17;
    static final int ENOTDIR = 20;
    static final int EISDIR = 21;
    static final int EINVAL = 22;
    static final int ERANGE = 34;
    static final int ENOTEMPTY = 39;
    static final int ELOOP = 40;

    static final int S_IFIFO = 0010000;
    static final int S_IFCHR = 0020000;
    static final int S_IFBLK = 0060000;

    private static final int AT_FDCWD = -100;
    private static final int AT_SYMLINK_NOFOLLOW = 0x100;
    private static final int AT_REMOVEDIR = 0x200;
    private static final int O_WRONLY = 01;
    private static final int O_CREAT = 0100;
    private static final int O_EXCL = 0200;
    private static final int O_CLOEXEC = 02000000;
    private static final int O_PATH = 010000000;
    /** These differ by architecture: arch/arm*, asm-generic/fcntl.h. */
    private static final boolean ARM = jnr.ffi.Platform.getNativePlatform().getCPU() == jnr.ffi.Platform.CPU.ARM;
    private static final boolean ARM64 = jnr.ffi.Platform.getNativePlatform().getCPU() == jnr.ffi.Platform.CPU.AARCH64;
    private static final int O_DIRECTORY = ARM || ARM64 ? 040000 : 0200000;
    private static final int O_NOFOLLOW = ARM || ARM64 ? 0100000 : 0400000;
    private static final int O_LARGEFILE = ARM ? 0400000 : 0;

    private final LibC libc = LibraryLoader.create(LibC.class).load("c");
    private final Runtime runtime = Runtime.getRuntime(libc);

    /** Public because JNR-FFI's generated class must see it; variadic functions are declared with the arity that is used. */
    public interface LibC {
        int openat(int directory, @In byte[] name, int flags, int mode);

        int close(int descriptor);

        @ssize_t
        long read(int descriptor, @Out byte[] target, @size_t long count);

        @ssize_t
        long write(int descriptor, @In byte[] content, @size_t long count);

        int mkdirat(int directory, @In byte[] name, int mode);

        int mknodat(int directory, @In byte[] name, int mode, @dev_t long device);

        int symlinkat(@In byte[] target, int directory, @In byte[] name);

        int linkat(int oldDirectory, @In byte[] oldName, int directory, @In byte[] name, int flags);

        int unlinkat(int directory, @In byte[] name, int flags);

        int fchownat(int directory, @In byte[] name, int user, int group, int flags);

        int fchmodat(int directory, @In byte[] name, int mode, int flags);

        int utimensat(int directory, @In byte[] name, @In byte[] times, int flags);

        int lsetxattr(@In byte[] path, @In byte[] name, @In byte[] value, @size_t long size, int flags);

        int syncfs(int descriptor);

        String strerror(int errno);
    }

    /** @param absolute a path of this process, trusted */
    int openDirectory(String absolute) {
        int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
        return check(libc.openat(AT_FDCWD, pathBytes(absolute), flags, 0), "open", absolute);
    }

    /** ENOTDIR or ELOOP where {@code name} is a symbolic link. */
    int openDirectory(int directory, String name, String shown) {
        return check(libc.openat(directory, bytes(name), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0), "openat", shown);
    }

    /** A new file, open for writing; EEXIST where there is anything of that name. */
    int createFile(int directory, String name, String shown) {
        int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_LARGEFILE;
        return check(libc.openat(directory, bytes(name), flags, 0600), "openat", shown);
    }

    /**
     * A file below {@code root}, open for reading; no component of {@code path} may be a symbolic link.
     *
     * @param path {@code a/b/c}, none of them {@code ..}
     */
    int openFile(int root, String path, String shown) {
        int directory = root;
        try {
            String[] components = path.split("/");
            for (int i = 0; i < components.length - 1; i++) {
                int child = openDirectory(directory, components[i], shown);
                if (directory != root) {
                    close(directory);
                }
                directory = child;
            }
            return check(libc.openat(directory, bytes(components[components.length - 1]), O_NOFOLLOW | O_CLOEXEC | O_LARGEFILE, 0), "openat", shown);
        } finally {
            if (directory != root) {
                close(directory);
            }
        }
    }

    /** @return 0 at the end */
    int read(int descriptor, byte[] target, int count, String shown) {
        return check((int) libc.read(descriptor, target, count), "read", shown);
    }

    void close(int descriptor) {
        libc.close(descriptor); // errors of written data were told by write and are told by syncfs
    }

    void write(int descriptor, byte[] content, int count, String shown) {
        byte[] rest = content;
        for (int left = count; left > 0; ) {
            int written = check((int) libc.write(descriptor, rest, left), "write", shown);
            left -= written;
            rest = left > 0 ? Arrays.copyOfRange(rest, written, written + left) : rest;
        }
    }

    void makeDirectory(int directory, String name, String shown) {
        check(libc.mkdirat(directory, bytes(name), 0700), "mkdirat", shown);
    }

    /** @param typeAndMode {@link #S_IFCHR}, {@link #S_IFBLK} or {@link #S_IFIFO}, and permission bits */
    void makeNode(int directory, String name, int typeAndMode, int major, int minor, String shown) {
        // gnu_dev_makedev(3): glibc's dev_t, and the kernel's for numbers up to 20 bits
        long device = (minor & 0xffL) | (major & 0xfffL) << 8 | (minor & 0xfff00L) << 12 | (major & 0xfffff000L) << 32;
        check(libc.mknodat(directory, bytes(name), typeAndMode, device), "mknodat", shown);
    }

    void makeSymbolicLink(String target, int directory, String name, String shown) {
        check(libc.symlinkat(bytes(target), directory, bytes(name)), "symlinkat", shown);
    }

    void makeHardLink(int oldDirectory, String oldName, int directory, String name, String shown) {
        check(libc.linkat(oldDirectory, bytes(oldName), directory, bytes(name), 0), "linkat", shown);
    }

    void unlink(int directory, String name, String shown) {
        check(libc.unlinkat(directory, bytes(name), 0), "unlinkat", shown);
    }

    void removeDirectory(int directory, String name, String shown) {
        check(libc.unlinkat(directory, bytes(name), AT_REMOVEDIR), "unlinkat", shown);
    }

    /** Of the entry itself, also where it is a symbolic link. */
    void changeOwner(int directory, String name, int user, int group, String shown) {
        check(libc.fchownat(directory, bytes(name), user, group, AT_SYMLINK_NOFOLLOW), "fchownat", shown);
    }

    /** Follows a symbolic link (Linux has no mode of links, and old C libraries no flag for it): only for what the caller has just made. */
    void changeMode(int directory, String name, int mode, String shown) {
        check(libc.fchmodat(directory, bytes(name), mode, 0), "fchmodat", shown);
    }

    /** Sets access and modification time. A 32-bit libc's time ends in 2038; later times are shown as that. */
    void changeTimes(int directory, String name, long seconds, int nanos, String shown) {
        ByteBuffer times = ByteBuffer.allocate(4 * runtime.longSize()).order(ByteOrder.nativeOrder());
        for (int i = 0; i < 2; i++) {
            if (runtime.longSize() == 8) {
                times.putLong(seconds).putLong(nanos);
            } else {
                times.putInt((int) Math.max(Integer.MIN_VALUE, Math.min(Integer.MAX_VALUE, seconds))).putInt(nanos);
            }
        }
        check(libc.utimensat(directory, bytes(name), times.array(), AT_SYMLINK_NOFOLLOW), "utimensat", shown);
    }

    /** Of the entry itself, not of what a symbolic link points to: only the last component of lsetxattr's path is not followed. */
    void setAttribute(int directory, String name, String attribute, byte[] value, String shown) {
        byte[] path = bytes("/proc/self/fd/" + directory + "/" + name);
        check(libc.lsetxattr(path, bytes(attribute), value, value.length, 0), "lsetxattr " + TarEntry.shown(attribute), shown);
    }

    /** Brings the file system that holds {@code directory} to disk. One such call is cheaper than an fsync of each of 10,000 small files. */
    void syncFileSystem(String directory) {
        int descriptor = check(libc.openat(AT_FDCWD, pathBytes(directory), O_DIRECTORY | O_CLOEXEC, 0), "open", directory);
        try {
            check(libc.syncfs(descriptor), "syncfs", directory);
        } finally {
            close(descriptor);
        }
    }

    private int check(int result, String call, String shown) {
        if (result < 0) {
            int errno = runtime.getLastError();
            throw new RuntimeShimException(
                    Kind.SYSTEM, "image store: " + call + " " + shown + ": " + libc.strerror(errno) + " (errno " + errno + ")", errno, null);
        }
        return result;
    }

    private static byte[] bytes(String raw) {
        return (raw + '\0').getBytes(StandardCharsets.ISO_8859_1);
    }

    private static byte[] pathBytes(String path) {
        return (path + '\0').getBytes(StandardCharsets.UTF_8);
    }
}
