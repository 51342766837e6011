package dev.starling.runtime.kernel;

/** An open file descriptor with one owner, who closes it. Closing twice is harmless; using it afterwards is an error that says so. */
public final class Descriptor implements AutoCloseable {
    private final Kernel kernel;
    private int number;

    public Descriptor(Kernel kernel, int number) {
        this.kernel = kernel;
        this.number = number;
    }

    public synchronized int number() {
        if (number < 0) throw new IllegalStateException("file descriptor used after close");
        return number;
    }

    @Override
    public synchronized void close() {
        if (number < 0) return;
        kernel.libc().close(number);
        number = -1;
    }
}
