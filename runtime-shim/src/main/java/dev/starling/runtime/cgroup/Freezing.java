package dev.starling.runtime.cgroup;

import dev.starling.runtime.RuntimeShimException;
import java.util.function.IntPredicate;

/** Waits until a container's processes stand still, or go on again: the kernel does it one by one, at the next moment that suits each. */
final class Freezing {
    private static final int ATTEMPTS = 1000;
    private static final int INTERVAL_MILLIS = 2;

    private Freezing() {}

    /** @param done asked with the number of the attempt, from 0. @throws RuntimeShimException with {@code failure} after some seconds */
    static void await(IntPredicate done, String failure) {
        for (int attempt = 0; !done.test(attempt); attempt++) {
            if (attempt == ATTEMPTS) {
                throw RuntimeShimException.system(failure + " (tried for " + ATTEMPTS * INTERVAL_MILLIS / 1000 + " s)", null);
            }
            try {
                Thread.sleep(INTERVAL_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw RuntimeShimException.system("interrupted while pausing a container", e);
            }
        }
    }
}
