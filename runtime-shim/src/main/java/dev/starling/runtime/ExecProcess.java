package dev.starling.runtime;

import java.util.OptionalInt;
import java.util.concurrent.CompletionStage;

/** A process that was added to a running container. No call blocks. */
public interface ExecProcess {
    /** Takes what the process writes, piece by piece, on a thread of the runtime: return soon. */
    @FunctionalInterface
    interface Output {
        /**
         * @param stream 1 standard output (all of a terminal's), 2 standard error
         * @return false where no more can be taken now: nothing more comes before {@link #resumeOutput}, and the process waits meanwhile
         */
        boolean accept(int stream, byte[] bytes);
    }

    /** On the host. */
    int pid();

    /** Hands on to its standard input; done when the process's pipe has taken it. Wait for that before the next. Fails once the input is closed. */
    CompletionStage<Void> write(byte[] bytes);

    /** The end of its standard input, after what was written. A terminal has none: nothing happens. */
    void closeInput();

    /** The size of its terminal; nothing happens where it has none. */
    void resize(int rows, int columns);

    void resumeOutput();

    /** Ended already: nothing happens. */
    void signal(int signal);

    /** Nobody listens any more. A process that was added goes on all the same; one that was attached to is left. */
    default void detach() {}

    /** After the last of the output was handed out. Empty where the exit code is not known. */
    CompletionStage<OptionalInt> exit();
}
