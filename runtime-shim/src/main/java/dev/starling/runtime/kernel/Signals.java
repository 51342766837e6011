package dev.starling.runtime.kernel;

import dev.starling.runtime.RuntimeShimException;
import java.util.List;
import java.util.Locale;

/** Signal names as people write them: {@code TERM}, {@code SIGTERM}, {@code 15}, {@code RTMIN+3}. Numbers as on x86 and ARM. */
public final class Signals {
    public static final int SIGKILL = 9;
    public static final int SIGTERM = 15;
    private static final int REAL_TIME_FIRST = 34; // as glibc counts them
    private static final int LAST = 64;

    private static final List<String> NAMES = List.of(
            "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT", "CHLD",
            "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS");

    private Signals() {}

    public static int number(String signal) {
        String upper = signal.trim().toUpperCase(Locale.ROOT);
        String name = upper.startsWith("SIG") ? upper.substring(3) : upper;
        int index = NAMES.indexOf(name);
        if (index >= 0) {
            return index + 1;
        }
        try {
            int number = name.equals("RTMIN") ? REAL_TIME_FIRST
                    : name.equals("RTMAX") ? LAST
                    : name.startsWith("RTMIN+") ? REAL_TIME_FIRST + Integer.parseInt(name.substring(6))
                    : name.startsWith("RTMAX-") ? LAST - Integer.parseInt(name.substring(6))
                    : Integer.parseInt(name);
            if (number >= 1 && number <= LAST) {
                return number;
            }
        } catch (NumberFormatException e) {
            // told below
        }
        throw RuntimeShimException.invalid("Invalid signal: " + signal);
    }
}
