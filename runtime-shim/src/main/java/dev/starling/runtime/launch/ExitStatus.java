package dev.starling.runtime.launch;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Errno;
import dev.starling.runtime.kernel.Flags;
import dev.starling.runtime.kernel.Kernel;
import java.util.OptionalInt;
import jnr.ffi.Pointer;

/**
 * How a process ended. Our own children tell it to waitpid. A container of an earlier agent is a child of init by now: while it is a zombie
 * its code is in /proc, and once it is reaped the kernel tells the holder of a pidfd (Linux 6.15). Else it is unknown.
 */
public final class ExitStatus {
    private static final long PIDFD_GET_INFO = 0xC040FF0BL; // _IOWR(0xFF, 11, 64 bytes)
    private static final int INFO_SIZE = 64;
    private static final int INFO_EXIT = 1 << 3;
    private static final int INFO_EXIT_CODE_OFFSET = 60;
    /** After the command name's closing bracket, counted from 0: state is field 3 of the line, exit_code field 52. */
    private static final int STAT_STATE = 0;
    private static final int STAT_START_TIME = 19;
    private static final int STAT_EXIT_CODE = 49;

    private ExitStatus() {}

    /** @param status as waitpid gives it. @return the exit code, or 128 + signal */
    public static int decode(int status) {
        int signal = status & 0x7f;
        return signal == 0 ? status >> 8 & 0xff : 128 + signal;
    }

    /** Waits for the end of our child, which whoever calls sees to, and reaps it. @return the exit code */
    public static int await(Kernel kernel, int child) {
        Pointer status = kernel.memory(4);
        while (kernel.libc().waitpid(child, status, 0) < 0) {
            if (kernel.errno() != Errno.EINTR.number()) {
                throw kernel.failure("waitpid " + child, kernel.errno());
            }
        }
        return decode(status.getInt(0));
    }

    /** Reaps our child if it has ended; its exit code is of no interest. */
    public static void reapIfEnded(Kernel kernel, int child) {
        kernel.libc().waitpid(child, kernel.memory(4), Flags.WNOHANG);
    }

    /** Asks once the pidfd has become readable, that is, the process has ended. Reaps it if it is our child. */
    public static OptionalInt of(Kernel kernel, int pid, Descriptor process) {
        Pointer status = kernel.memory(4);
        int reaped;
        do {
            reaped = kernel.libc().waitpid(pid, status, Flags.WNOHANG);
        } while (reaped < 0 && kernel.errno() == Errno.EINTR.number());
        if (reaped == pid) {
            return OptionalInt.of(decode(status.getInt(0)));
        }

        OptionalInt fromZombie = fromZombie(kernel, pid);
        return fromZombie.isPresent() ? fromZombie : fromDescriptor(kernel, process);
    }

    private static OptionalInt fromZombie(Kernel kernel, int pid) {
        String[] stat = stat(kernel, pid);
        if (stat.length <= STAT_EXIT_CODE || !stat[STAT_STATE].equals("Z")) {
            return OptionalInt.empty();
        }
        return OptionalInt.of(decode(Integer.parseInt(stat[STAT_EXIT_CODE])));
    }

    private static OptionalInt fromDescriptor(Kernel kernel, Descriptor process) {
        Pointer info = kernel.memory(INFO_SIZE);
        info.putLong(0, INFO_EXIT);
        if (kernel.libc().ioctl(process.number(), PIDFD_GET_INFO, info) < 0) {
            return OptionalInt.empty();
        }
        if ((info.getLong(0) & INFO_EXIT) == 0) {
            return OptionalInt.empty();
        }
        return OptionalInt.of(decode(info.getInt(INFO_EXIT_CODE_OFFSET)));
    }

    /** Clock ticks since boot; -1 where there is no such process. With the pid it names a process for ever. */
    public static long startTime(Kernel kernel, int pid) {
        String[] stat = stat(kernel, pid);
        return stat.length > STAT_START_TIME ? Long.parseLong(stat[STAT_START_TIME]) : -1;
    }

    private static String[] stat(Kernel kernel, int pid) {
        try {
            String line = kernel.read("/proc/" + pid + "/stat").trim();
            return line.substring(line.lastIndexOf(')') + 2).split(" ");
        } catch (RuntimeShimException e) {
            if (e.errno() == Errno.ENOENT.number() || e.errno() == Errno.ESRCH.number()) {
                return new String[0];
            }
            throw e;
        }
    }
}
