package dev.starling.runtime.launch;

import static dev.starling.runtime.kernel.Flags.*;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Kernel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * The gates at which processes of containers are held before exec: directories with two FIFOs, {@code ready} and {@code go}. They are used again and
 * again, since making and deleting files is a good part of what a start costs; there are as many as processes were ever held at once.
 *
 * <p>A gate itself is open to all, for the held process may have any user id already; it gets there by a descriptor, since the directory above is the
 * agent's alone. Nothing of a gate stays with a process that has passed.
 */
public final class Gates {
    private final Kernel kernel;
    private final Path directory;
    /** Guarded by this, with {@link #made}. */
    private final Deque<Path> free = new ArrayDeque<>();
    private int made;

    /** @param directory below which nothing is held; what is there from before is deleted */
    public Gates(Kernel kernel, Path directory) {
        this.kernel = kernel;
        this.directory = directory;
        try {
            TreeDeletion.delete(directory);
            Files.createDirectory(directory, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        } catch (IOException e) {
            throw RuntimeShimException.system("create " + directory + ": " + e, e);
        }
    }

    /** One that nobody else uses until it is closed. */
    Gate open() {
        Path gate = free();
        Descriptor descriptor = kernel.open(gate.toString(), O_PATH | kernel.architecture().openDirectory());
        try {
            // open before there is a process, which else would wait for a reader
            return new Gate(gate, descriptor, kernel.openAt(descriptor.number(), "ready", O_RDONLY | O_NONBLOCK));
        } catch (RuntimeException e) {
            descriptor.close();
            throw e;
        }
    }

    private Path free() {
        Path gate;
        synchronized (this) {
            if (!free.isEmpty()) return free.pop();
            gate = directory.resolve(Integer.toString(made++));
        }
        kernel.makeDirectory(gate.toString(), 0711);
        kernel.check(kernel.libc().chmod(gate.toString(), 0711), "chmod", gate.toString());
        for (String name : new String[] {"ready", "go"}) {
            String fifo = gate.resolve(name).toString();
            kernel.check(kernel.libc().mkfifo(fifo, 0666), "mkfifo", fifo);
            kernel.check(kernel.libc().chmod(fifo, 0666), "chmod", fifo);
        }
        return gate;
    }

    private synchronized void giveBack(Path gate) {
        free.push(gate);
    }

    /** In use for one process. */
    final class Gate implements AutoCloseable {
        private final Path directory;
        private final Descriptor descriptor;
        private final Descriptor ready;

        private Gate(Path directory, Descriptor descriptor, Descriptor ready) {
            this.directory = directory;
            this.descriptor = descriptor;
            this.ready = ready;
        }

        /** For the process: its working directory while it is held. */
        int number() {
            return descriptor.number();
        }

        boolean awaitProcess(int timeoutMillis) {
            return kernel.waitReadable(ready, timeoutMillis);
        }

        /** Lets the process pass as long as this is open. */
        Descriptor letGo() {
            return kernel.openAt(descriptor.number(), "go", O_RDWR | O_NONBLOCK);
        }

        /** For the thread that could not make the process: {@link #awaitProcess} returns. */
        void wake() {
            int fd = kernel.libc().openat(descriptor.number(), "ready", O_WRONLY | O_NONBLOCK | O_CLOEXEC, 0);
            if (fd >= 0) kernel.libc().close(fd);
        }

        /** Nobody is held here any more. */
        @Override
        public void close() {
            abandon();
            giveBack(directory);
        }

        /** Somebody may be held here still: it is not used again, and swept by the next agent. */
        void abandon() {
            ready.close();
            descriptor.close();
        }
    }
}
