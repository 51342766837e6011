package dev.starling.runtime.image;

import dev.starling.runtime.RuntimeShimException;

/**
 * The layers of one pull that are not here and unpacked yet, for the thread that waits for all of them. After a failure no other layer begins; those at work
 * are waited for, since they write below a directory that the pull removes next. Downloads are not: they go on, for the next try.
 *
 * <p>Thread-safe.
 */
final class LayersUnderWay {
    private int left;
    private int atWork;
    private RuntimeException failure;

    LayersUnderWay(int layers) {
        this.left = layers;
    }

    /** @return false where the pull has failed: nothing more is to be unpacked */
    synchronized boolean begins() {
        if (failure != null) {
            return false;
        }
        atWork++;
        return true;
    }

    /** What began is unpacked. */
    synchronized void done() {
        atWork--;
        left--;
        notifyAll();
    }

    /** What began has failed. */
    synchronized void failed(RuntimeException why) {
        atWork--;
        neverBegins(why);
    }

    /** A layer did not come. */
    synchronized void neverBegins(RuntimeException why) {
        failure = failure == null ? why : failure;
        notifyAll();
    }

    /** Throws the first failure. */
    synchronized void await() {
        boolean interrupted = false;
        while (atWork > 0 || left > 0 && failure == null) {
            try {
                wait();
            } catch (InterruptedException stop) {
                interrupted = true;
                neverBegins(interrupted());
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        if (failure != null) {
            throw failure;
        }
    }

    static RuntimeShimException interrupted() {
        return RuntimeShimException.conflict("the pull was interrupted: the agent ends");
    }
}
