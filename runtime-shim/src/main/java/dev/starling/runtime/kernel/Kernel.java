package dev.starling.runtime.kernel;

import dev.starling.runtime.RuntimeShimException;
import java.lang.ref.Reference;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import jnr.ffi.LastError;
import jnr.ffi.LibraryLoader;
import jnr.ffi.Memory;
import jnr.ffi.Pointer;

/**
 * The kernel's services with errors as exceptions that keep call, errno and path. Stateless: any thread may call.
 *
 * <p>What a call changes is often a property of the calling thread (its root directory, namespaces, credentials). The callers in
 * {@code launch} say on which thread they run.
 */
public final class Kernel {
    private static final int READ_CHUNK = 8192;

    private final LibC libc;
    private final LibC.CloseFrom closeFrom;
    private final jnr.ffi.Runtime runtime;
    private final Architecture architecture;

    private Kernel(LibC libc, LibC.CloseFrom closeFrom, Architecture architecture) {
        this.libc = libc;
        this.closeFrom = closeFrom;
        this.runtime = jnr.ffi.Runtime.getRuntime(libc);
        this.architecture = architecture;
    }

    public static Kernel load() {
        Architecture architecture = Architecture.current();
        try {
            LibC libc = LibraryLoader.create(LibC.class).load("c");
            LibC.CloseFrom closeFrom = LibraryLoader.create(LibC.CloseFrom.class).failImmediately().load("c");
            return new Kernel(libc, closeFrom, architecture);
        } catch (UnsatisfiedLinkError e) {
            throw new RuntimeShimException(
                    RuntimeShimException.Kind.UNSUPPORTED, "containers need glibc 2.34 or newer: " + e.getMessage(), 0, e);
        }
    }

    public LibC libc() {
        return libc;
    }

    public LibC.CloseFrom closeFrom() {
        return closeFrom;
    }

    public Architecture architecture() {
        return architecture;
    }

    /** {@code 6.1.0-13-amd64} */
    public String release() {
        return read("/proc/sys/kernel/osrelease").trim();
    }

    public int pointerSize() {
        return runtime.addressSize();
    }

    /** Of the last native call of this thread. */
    public int errno() {
        return LastError.getLastError(runtime);
    }

    public RuntimeShimException failure(String call, int errno) {
        return new RuntimeShimException(RuntimeShimException.Kind.SYSTEM, call + ": " + Errno.describe(errno), errno, null);
    }

    /** @param call and its subject, for the error: {@code "mount proc on /proc"} */
    public int check(int result, String call) {
        if (result < 0) {
            throw failure(call, errno());
        }
        return result;
    }

    public int check(int result, String call, String path) {
        if (result < 0) {
            throw failure(call + " " + path, errno());
        }
        return result;
    }

    /** For the posix_spawn family, which returns the errno. */
    void checkReturned(int errno, String call) {
        if (errno != 0) {
            throw failure(call, errno);
        }
    }

    /** @param arguments at most six: numbers, and the memory that {@link #memory} and {@link #string} made, which stays for as long as the call lasts */
    public long call(SystemCall call, Object... arguments) {
        long[] values = new long[6];
        for (int i = 0; i < arguments.length; i++) {
            values[i] = arguments[i] instanceof Pointer pointer ? pointer.address() : ((Number) arguments[i]).longValue();
        }
        long result = libc.syscall(call.number(architecture), values[0], values[1], values[2], values[3], values[4], values[5]);
        Reference.reachabilityFence(arguments); // the collector sees no use of a pointer once its address was taken
        return result;
    }

    public long checkedCall(String subject, SystemCall call, Object... arguments) {
        long result = call(call, arguments);
        if (result < 0) {
            throw failure(call.callName() + " " + subject, errno());
        }
        return result;
    }

    public int threadId() {
        return (int) call(SystemCall.GETTID, 0, 0, 0);
    }

    /** Zeroed native memory, freed with the returned object: keep that reachable for as long as the kernel may read it. */
    public Pointer memory(int size) {
        return Memory.allocateDirect(runtime, size, true);
    }

    public Pointer string(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        Pointer pointer = memory(bytes.length + 1);
        pointer.put(0, bytes, 0, bytes.length);
        return pointer;
    }

    /** A {@code char *[]} that ends with NULL. {@code strings} keeps what it points to alive. */
    public record StringArray(Pointer pointer, List<Pointer> strings) {}

    public StringArray strings(List<String> texts) {
        Pointer array = memory(pointerSize() * (texts.size() + 1));
        List<Pointer> strings = new ArrayList<>(texts.size());
        for (int i = 0; i < texts.size(); i++) {
            Pointer string = string(texts.get(i));
            strings.add(string);
            array.putPointer((long) pointerSize() * i, string);
        }
        return new StringArray(array, strings);
    }

    /** O_CLOEXEC is added. */
    public Descriptor open(String path, int flags) {
        return new Descriptor(this, check(libc.open(path, flags | Flags.O_CLOEXEC, 0), "open", path));
    }

    public Descriptor openAt(int directory, String path, int flags) {
        return new Descriptor(this, check(libc.openat(directory, path, flags | Flags.O_CLOEXEC, 0), "open", path));
    }

    /** As many bytes as there are, up to {@code limit}: for /proc, cgroupfs and small files. Fewer class paths than java.nio after a pivot_root. */
    public String read(String path, int limit) {
        try (Descriptor file = open(path, Flags.O_RDONLY | Flags.O_NONBLOCK)) {
            Pointer buffer = memory(READ_CHUNK);
            byte[] bytes = new byte[READ_CHUNK];
            int size = 0;
            while (size < limit) {
                long count = libc.read(file.number(), buffer, READ_CHUNK);
                if (count < 0) {
                    throw failure("read " + path, errno());
                }
                if (count == 0) {
                    break;
                }
                if (size + count > bytes.length) {
                    bytes = java.util.Arrays.copyOf(bytes, Math.max(bytes.length * 2, size + (int) count));
                }
                buffer.get(0, bytes, size, (int) count);
                size += (int) count;
            }
            return new String(bytes, 0, Math.min(size, limit), StandardCharsets.UTF_8);
        }
    }

    public String read(String path) {
        return read(path, 1 << 20);
    }

    /** One write(2), as control files want it. */
    public void write(String path, String value) {
        try (Descriptor file = open(path, Flags.O_WRONLY)) {
            byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
            Pointer buffer = memory(Math.max(1, bytes.length));
            buffer.put(0, bytes, 0, bytes.length);
            if (libc.write(file.number(), buffer, bytes.length) < 0) {
                throw failure("write \"" + value + "\" to " + path, errno());
            }
        }
    }

    /** A new file with all of {@code content}, readable by nobody until it is complete. */
    public void createFile(String path, byte[] content, int uid, int gid, int mode) {
        int flags = Flags.O_WRONLY | Flags.O_CREAT | Flags.O_EXCL | Flags.O_CLOEXEC;
        try (Descriptor file = new Descriptor(this, check(libc.open(path, flags, 0), "create", path))) {
            Pointer buffer = memory(Math.max(1, content.length));
            buffer.put(0, content, 0, content.length);
            for (long written = 0; written < content.length;) {
                long count = libc.write(file.number(), buffer.slice(written), content.length - written);
                if (count < 0) {
                    throw failure("write " + path, errno());
                }
                written += count;
            }
            check(libc.fchown(file.number(), uid, gid), "chown", path);
        }
        check(libc.chmod(path, mode), "chmod", path);
    }

    public void mount(String source, String target, String type, long flags, String data) {
        if (libc.mount(source, target, type, flags, data) < 0) {
            throw failure("mount " + (type == null ? source : type) + " on " + target, errno());
        }
    }

    public void makeDirectory(String path, int mode) {
        if (libc.mkdir(path, mode) < 0 && errno() != Errno.EEXIST.number()) {
            throw failure("mkdir " + path, errno());
        }
    }

    /** {@code st_mode} of {@code path}, 0 where there is nothing. */
    public int mode(String path, boolean followLink) {
        Pointer buffer = memory(256); // struct statx; stx_mode is the 16-bit field at offset 28 on every architecture
        Pointer name = string(path);
        int flags = followLink ? 0 : Flags.AT_SYMLINK_NOFOLLOW;
        if (call(SystemCall.STATX, Flags.AT_FDCWD, name, flags, 2 | 1, buffer) < 0) {
            if (errno() == Errno.ENOENT.number() || errno() == Errno.ENOTDIR.number() || errno() == Errno.ELOOP.number()) {
                return 0;
            }
            throw failure("statx " + path, errno());
        }
        return buffer.getShort(28) & 0xffff;
    }

    public Descriptor openProcess(int pid) {
        return new Descriptor(this, (int) checkedCall(Integer.toString(pid), SystemCall.PIDFD_OPEN, pid, 0, 0, 0, 0));
    }

    /** A copy of another process's descriptor; needs the right to trace that. */
    public Descriptor descriptorOf(Descriptor process, int number) {
        return new Descriptor(this, (int) checkedCall("descriptor " + number, SystemCall.PIDFD_GETFD, process.number(), number, 0, 0, 0));
    }

    /** @return false where the process has ended */
    public boolean signal(Descriptor process, int signal) {
        if (call(SystemCall.PIDFD_SEND_SIGNAL, process.number(), signal, 0, 0, 0) >= 0) {
            return true;
        }
        if (errno() == Errno.ESRCH.number()) {
            return false;
        }
        throw failure("pidfd_send_signal " + signal, errno());
    }

    /** @return false after {@code timeoutMillis}; -1 waits for ever */
    public boolean waitReadable(Descriptor file, int timeoutMillis) {
        Pointer poll = memory(8);
        poll.putInt(0, file.number());
        poll.putShort(4, (short) 1);
        long deadline = System.nanoTime() + timeoutMillis * 1_000_000L;
        while (true) {
            int left = timeoutMillis < 0 ? -1 : (int) Math.max(0, (deadline - System.nanoTime()) / 1_000_000);
            int count = libc.poll(poll, 1, left);
            if (count >= 0) {
                return count > 0;
            }
            if (errno() != Errno.EINTR.number()) {
                throw failure("poll", errno());
            }
        }
    }
}
