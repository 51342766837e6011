package dev.starling.netlink;

import java.nio.file.Path;
import java.util.Optional;

/**
 * A network namespace: the one this process is in, or one behind a path such as {@code /proc/PID/ns/net}.
 *
 * <p>A thread that has entered a namespace is never used again for anything else: {@link #call} starts a thread, enters, runs the body and
 * lets the thread end. Sockets opened by the body stay in that namespace after the thread is gone.
 */
public final class NetNs {
    /** What runs inside. */
    @FunctionalInterface
    public interface Body<T, E extends Exception> {
        T run() throws E;
    }

    /** An open namespace, as {@code IFLA_NET_NS_FD} wants it. */
    public record Descriptor(int number) implements AutoCloseable {
        @Override
        public void close() {
            LibC.INSTANCE.close(number);
        }
    }

    private static final NetNs CURRENT = new NetNs(Optional.empty());

    private final Optional<Path> path;

    private NetNs(Optional<Path> path) {
        this.path = path;
    }

    /** The namespace of the calling thread, whichever that is at each call. */
    public static NetNs current() {
        return CURRENT;
    }

    public static NetNs at(Path path) {
        return new NetNs(Optional.of(path));
    }

    /** @throws NetlinkException if the path cannot be opened */
    public Descriptor open() {
        String name = path.map(Path::toString).orElse("/proc/thread-self/ns/net");
        int descriptor = LibC.INSTANCE.open(name, LibC.O_RDONLY | LibC.O_CLOEXEC);
        if (descriptor < 0) {
            throw LibC.failure("open network namespace " + name);
        }
        return new Descriptor(descriptor);
    }

    /** Runs {@code body} in this namespace and hands back its result or its exception. Waits for it; the body bounds its own time. */
    @SuppressWarnings("unchecked")
    public <T, E extends Exception> T call(Body<T, E> body) throws E {
        if (path.isEmpty()) {
            return body.run();
        }
        Outcome<T> outcome = new Outcome<>();
        Thread thread = new Thread(() -> {
            try {
                enter();
                outcome.value = body.run();
            } catch (Throwable failure) {
                outcome.failure = failure;
            }
        }, "netns " + path.get());
        thread.setDaemon(true);
        thread.start();
        joinEvenIfInterrupted(thread);
        if (outcome.failure instanceof Error error) {
            throw error;
        }
        if (outcome.failure != null) {
            throw (E) outcome.failure; // body.run() declares only E and unchecked exceptions
        }
        return outcome.value;
    }

    private void enter() {
        try (Descriptor descriptor = open()) {
            if (LibC.INSTANCE.setns(descriptor.number(), LibC.CLONE_NEWNET) != 0) {
                throw LibC.failure("setns " + this);
            }
        }
    }

    private static void joinEvenIfInterrupted(Thread thread) {
        boolean interrupted = false;
        while (true) {
            try {
                thread.join();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public String toString() {
        return path.map(Path::toString).orElse("this network namespace");
    }

    private static final class Outcome<T> {
        private T value;
        private Throwable failure;
    }
}
