package dev.starling.runtime.oci;

import static dev.starling.runtime.kernel.Flags.O_CLOEXEC;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Kernel;
import jnr.ffi.Pointer;

/**
 * The socket through which an OCI runtime hands over the master of a container's terminal ({@code --console-socket}): one connection, one message, one
 * descriptor (SCM_RIGHTS). Its name is relative, since the path of a socket may have 107 bytes only: the caller's thread works in the directory.
 */
final class ConsoleSocket implements AutoCloseable {
    static final String NAME = "console.sock";
    private static final int TIMEOUT_MILLIS = 10_000;
    private static final int AF_UNIX = 1;
    private static final int SOCK_STREAM = 1;
    private static final int SOL_SOCKET = 1;
    private static final int SCM_RIGHTS = 1;
    private static final int MSG_CMSG_CLOEXEC = 0x40000000;
    private static final int NAME_BYTES = 256;

    private final Kernel kernel;
    private final Descriptor listener;

    /** In the current directory of the calling thread. */
    ConsoleSocket(Kernel kernel) {
        this.kernel = kernel;
        this.listener = new Descriptor(kernel, kernel.check(kernel.libc().socket(AF_UNIX, SOCK_STREAM | O_CLOEXEC, 0), "socket"));
        try {
            byte[] name = NAME.getBytes(java.nio.charset.StandardCharsets.US_ASCII);
            Pointer address = kernel.memory(2 + name.length + 1); // struct sockaddr_un
            address.putShort(0, (short) AF_UNIX);
            address.put(2, name, 0, name.length);
            kernel.check(kernel.libc().bind(listener.number(), address, 2 + name.length + 1), "bind", NAME);
            kernel.check(kernel.libc().listen(listener.number(), 1), "listen", NAME);
        } catch (RuntimeException e) {
            listener.close();
            throw e;
        }
    }

    /** After the runtime has ended well: it has sent by then. */
    Descriptor receive() {
        if (!kernel.waitReadable(listener, TIMEOUT_MILLIS)) {
            throw RuntimeShimException.system("the OCI runtime handed over no terminal", null);
        }
        int fd = kernel.check(kernel.libc().accept4(listener.number(), null, null, O_CLOEXEC), "accept", NAME);
        try (Descriptor connection = new Descriptor(kernel, fd)) {
            if (!kernel.waitReadable(connection, TIMEOUT_MILLIS)) {
                throw RuntimeShimException.system("the OCI runtime handed over no terminal", null);
            }
            return descriptorOf(connection);
        }
    }

    private Descriptor descriptorOf(Descriptor connection) {
        int word = kernel.pointerSize();
        Pointer name = kernel.memory(NAME_BYTES);
        Pointer vector = kernel.memory(2 * word); // struct iovec { base, length }
        vector.putPointer(0, name);
        putWord(vector, word, NAME_BYTES);
        int headerBytes = word + 8; // struct cmsghdr { size_t length; int level, type }
        Pointer control = kernel.memory(64);
        Pointer message = kernel.memory(7 * word); // struct msghdr { name, namelen, iov, iovlen, control, controllen, flags }
        message.putPointer(2L * word, vector);
        putWord(message, 3 * word, 1);
        message.putPointer(4L * word, control);
        putWord(message, 5 * word, headerBytes + word);
        kernel.check((int) kernel.libc().recvmsg(connection.number(), message, MSG_CMSG_CLOEXEC), "recvmsg", NAME);
        java.lang.ref.Reference.reachabilityFence(vector);
        java.lang.ref.Reference.reachabilityFence(name);
        boolean isDescriptor = control.getInt(word) == SOL_SOCKET && control.getInt(word + 4L) == SCM_RIGHTS;
        if (!isDescriptor) {
            throw RuntimeShimException.system("what the OCI runtime handed over is no terminal", null);
        }
        return new Descriptor(kernel, control.getInt(headerBytes));
    }

    private static void putWord(Pointer memory, int offset, int value) {
        memory.putInt(offset, value); // little endian, and the rest is zero
    }

    /** The file goes with its directory. */
    @Override
    public void close() {
        listener.close();
    }
}
