package dev.starling.runtime.launch;

import dev.starling.runtime.RuntimeShimException;

/** Carries a failure from a disposable thread to the caller, with both stack traces. */
public final class LaunchFailure {
    private LaunchFailure() {}

    public static RuntimeShimException of(Throwable failure) {
        if (failure instanceof RuntimeShimException known) {
            return new RuntimeShimException(known.kind(), known.getMessage(), known.errno(), known);
        }
        return RuntimeShimException.system("container could not be started: " + failure, failure);
    }
}
