package dev.starling.runtime.launch;

import static dev.starling.runtime.kernel.Flags.*;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Errno;
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
 * agent's alone.
 *
 * <p>A gate that is open must not stay so for the next one. Who was let go holds nothing of it, but a process that another thread spawns meanwhile has copies of
 * all the agent's descriptors for a moment, also of the one that keeps this gate open. So a gate is asked whether it is closed before it is used again, and
 * one that is not, or where something went wrong, is deleted.
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

    /** One that nobody else uses until it is given back. */
    Gate open() {
        Path gate = closedOne();
        if (gate == null) {
            gate = make();
        }
        Descriptor descriptor = kernel.open(gate.toString(), O_PATH | kernel.architecture().openDirectory());
        try {
            // open before there is a process, which else would wait for a reader
            return new Gate(gate, descriptor, kernel.openAt(descriptor.number(), "ready", O_RDONLY | O_NONBLOCK));
        } catch (RuntimeException e) {
            descriptor.close();
            throw e;
        }
    }

    /** Null where there is none. */
    private Path closedOne() {
        for (Path gate = free(); gate != null; gate = free()) {
            if (isClosed(gate)) {
                return gate;
            }
            delete(gate);
        }
        return null;
    }

    private synchronized Path free() {
        return free.poll();
    }

    /** Whoever opens it holds it for reading as well, which the kernel tells to a writer. */
    private boolean isClosed(Path gate) {
        int fd = kernel.libc().open(gate.resolve("go").toString(), O_WRONLY | O_NONBLOCK | O_CLOEXEC, 0);
        if (fd < 0) {
            return kernel.errno() == Errno.ENXIO.number();
        }
        kernel.libc().close(fd);
        return false;
    }

    private static void delete(Path gate) {
        try {
            TreeDeletion.delete(gate);
        } catch (IOException e) {
            throw RuntimeShimException.system("delete " + gate + ": " + e, e);
        }
    }

    private Path make() {
        Path gate;
        synchronized (this) {
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
        free.add(gate); // the one that was free for longest is the next
    }

    /** In use for one process. */
    final class Gate {
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
            if (fd >= 0) {
                kernel.libc().close(fd);
            }
        }

        /** Who was held here has passed, in good order. */
        void giveBack() {
            close();
            Gates.this.giveBack(directory);
        }

        /** What was held here is dead, or never was. */
        void discard() {
            close();
            delete(directory);
        }

        /** Somebody may be held here still: it stays, for the next agent to find. */
        void abandon() {
            close();
        }

        private void close() {
            ready.close();
            descriptor.close();
        }
    }
}
