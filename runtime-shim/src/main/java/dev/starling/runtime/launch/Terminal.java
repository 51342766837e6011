package dev.starling.runtime.launch;

import static dev.starling.runtime.kernel.Flags.O_CLOEXEC;
import static dev.starling.runtime.kernel.Flags.O_NONBLOCK;
import static dev.starling.runtime.kernel.Flags.O_RDWR;

import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.kernel.SpawnActions;
import jnr.ffi.Pointer;

/**
 * A pseudo-terminal of a container's own devpts.
 *
 * @param master the agent's side, non-blocking
 * @param path   of the process's side, in the container
 */
public record Terminal(Descriptor master, String path) {
    private static final int O_NOCTTY = 0400;
    private static final long TIOCSPTLCK = 0x40045431L;
    private static final long TIOCGPTN = 0x80045430L;
    private static final long TIOCSWINSZ = 0x5414;
    private static final long TIOCGPTPEER = 0x5441;

    /** On a thread that has entered the container, with the agent's rights. */
    static Terminal open(Kernel kernel, Identity owner) {
        Descriptor master = kernel.open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
        try {
            Pointer number = kernel.memory(4);
            kernel.check(kernel.libc().ioctl(master.number(), TIOCSPTLCK, number), "unlock terminal");
            kernel.check(kernel.libc().ioctl(master.number(), TIOCGPTN, number), "number of terminal");
            String path = "/dev/pts/" + number.getInt(0);
            try (Descriptor slave = kernel.open(path, O_RDWR | O_NOCTTY | O_NONBLOCK)) {
                kernel.check(kernel.libc().fchown(slave.number(), owner.uid(), 5), "chown", path); // group tty, as devpts is mounted
            }
            return new Terminal(master, path);
        } catch (RuntimeException e) {
            master.close();
            throw e;
        }
    }

    /** As all three standard streams of the process to spawn: a session leader's first open makes it the controlling one. */
    void becomeControlling(SpawnActions actions) {
        actions.open(0, path, O_RDWR).duplicate(0, 1).duplicate(0, 2);
    }

    /** The process's side of a master, whatever devpts it is of and whoever can name that; nobody's controlling terminal by that (Linux 4.13). */
    static Descriptor openProcessSide(Kernel kernel, Descriptor master) {
        return new Descriptor(kernel, kernel.check(kernel.libc().ioctl(master.number(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC), "open the process's side of a terminal"));
    }

    /** {@code struct winsize}: rows, columns, and two that nobody uses. */
    public static void resize(Kernel kernel, Descriptor master, int rows, int columns) {
        Pointer size = kernel.memory(8);
        size.putShort(0, (short) rows);
        size.putShort(2, (short) columns);
        kernel.check(kernel.libc().ioctl(master.number(), TIOCSWINSZ, size), "set size of terminal");
    }
}
