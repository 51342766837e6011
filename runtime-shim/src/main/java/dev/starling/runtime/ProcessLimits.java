package dev.starling.runtime;

import java.util.List;
import java.util.Locale;

/**
 * What each process of a container has of {@code --ulimit} and {@code --oom-score-adj}, also one that is added to it (where the launcher can).
 *
 * @param oomScoreAdjustment -1000 to 1000
 */
public record ProcessLimits(List<Ulimit> ulimits, int oomScoreAdjustment) {
    public static final ProcessLimits NONE = new ProcessLimits(List.of(), 0);

    /** @param name as Docker has it, {@code nofile}; -1 for unlimited */
    public record Ulimit(String name, long soft, long hard) {
        /** In the order of the kernel's numbers (asm-generic/resource.h). */
        private static final List<String> RESOURCES = List.of(
                "cpu", "fsize", "data", "stack", "core", "rss", "nproc", "nofile", "memlock", "as", "locks", "sigpending", "msgqueue", "nice", "rtprio",
                "rttime");

        /** The kernel's number of it; -1 where it has no such. */
        public int resource() {
            return RESOURCES.indexOf(name.toLowerCase(Locale.ROOT));
        }

        private void check() {
            if (resource() < 0) {
                throw RuntimeShimException.invalid("invalid ulimit type: " + name);
            }
            boolean softAboveHard = hard != -1 && (soft > hard || soft == -1);
            if (soft < -1 || hard < -1 || softAboveHard) {
                throw RuntimeShimException.invalid("ulimit " + name + ": soft limit must be less than or equal to hard limit: " + soft + " > " + hard);
            }
        }
    }

    /** @throws RuntimeShimException INVALID where a name or a value is none */
    public void check() {
        ulimits.forEach(Ulimit::check);
        if (oomScoreAdjustment < -1000 || oomScoreAdjustment > 1000) {
            throw RuntimeShimException.invalid("invalid oom score adjustment " + oomScoreAdjustment + ": must be between -1000 and 1000");
        }
    }
}
