package dev.starling.runtime.launch;

import java.util.function.Supplier;

/**
 * A thread for one piece of work that leaves it of no further use: it enters namespaces or control groups, and there is no way back. Processes of containers
 * are brought forth by such threads as well, which are waited for in another way ({@link HeldProcess}).
 */
public final class DisposableThread {
    /** As all threads of a start: their work is shallow, and there may be many at once. */
    static final int STACK_BYTES = 512 << 10;

    private DisposableThread() {}

    /**
     * Runs {@code body}, which has its own limits of time, and waits for its end.
     *
     * @throws dev.starling.runtime.RuntimeShimException the body's failure, with both stack traces
     */
    public static <T> T call(String name, Supplier<T> body) {
        Work<T> work = new Work<>(body);
        Thread thread = new Thread(null, work, name, STACK_BYTES);
        thread.start();
        HeldProcess.join(thread);
        if (work.failure != null) {
            throw LaunchFailure.of(work.failure);
        }
        return work.result;
    }

    /** {@link #call} for what has no result. */
    static void run(String name, Runnable body) {
        call(name, () -> {
            body.run();
            return null;
        });
    }

    private static final class Work<T> implements Runnable {
        private final Supplier<T> body;
        private T result;
        private Throwable failure;

        Work(Supplier<T> body) {
            this.body = body;
        }

        @Override
        public void run() {
            try {
                result = body.get();
            } catch (Throwable e) {
                failure = e;
            }
        }
    }
}
