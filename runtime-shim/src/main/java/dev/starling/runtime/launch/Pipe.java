package dev.starling.runtime.launch;

import static dev.starling.runtime.kernel.Flags.O_CLOEXEC;

import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Flags;
import dev.starling.runtime.kernel.Kernel;
import jnr.ffi.Pointer;

/** A pipe; closing it closes both ends. */
public record Pipe(Descriptor reader, Descriptor writer) implements AutoCloseable {
    private static final int F_SETFL = 4;

    public static Pipe open(Kernel kernel) {
        Pointer ends = kernel.memory(8);
        kernel.check(kernel.libc().pipe2(ends, O_CLOEXEC), "pipe2");
        return new Pipe(new Descriptor(kernel, ends.getInt(0)), new Descriptor(kernel, ends.getInt(4)));
    }

    /** The agent's end; a program may not expect its own one to be so. */
    public static void neverBlock(Kernel kernel, Descriptor end) {
        kernel.check(kernel.libc().fcntl(end.number(), F_SETFL, Flags.O_NONBLOCK), "fcntl O_NONBLOCK");
    }

    @Override
    public void close() {
        reader.close();
        writer.close();
    }
}
