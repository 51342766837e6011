package dev.starling.runtime.kernel;

/** An open file descriptor with one owner, who closes it. Closing twice is harmless; using it afterwards is an error that says so. */
public final class Descriptor implements AutoCloseable {
    private static final int F_DUPFD_CLOEXEC = 1030;

    private final Kernel kernel;
    private int number;

    public Descriptor(Kernel kernel, int number) {
        this.kernel = kernel;
        this.number = number;
    }

    public synchronized int number() {
        if (number < 0) {
            throw new IllegalStateException("file descriptor used after close");
        }
        return number;
    }

    /** Another descriptor of the same file, with an owner of its own. */
    public synchronized Descriptor duplicate() {
        return new Descriptor(kernel, kernel.check(kernel.libc().fcntl(number(), F_DUPFD_CLOEXEC, 0), "fcntl F_DUPFD_CLOEXEC"));
    }

    @Override
    public synchronized void close() {
        if (number < 0) {
            return;
        }
        kernel.libc().close(number);
        number = -1;
    }
}
