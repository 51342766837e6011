package dev.starling.gossip;

/** The guard refuses an object that this node wanted to write, as it would at every other node; nothing was changed. */
public final class ObjectRefusedException extends IllegalArgumentException {
    private static final long serialVersionUID = 1;

    ObjectRefusedException(String message) {
        super(message);
    }
}
