package dev.starling.node.core;

/** A write to the desired state that cannot be taken; nothing was changed. */
public final class WriteRefusedException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public enum Reason { NOT_A_MANAGER, NOT_FOUND, NAME_IN_USE, OUT_OF_SEQUENCE, IN_USE, TOO_LARGE }

    private final Reason reason;

    public WriteRefusedException(Reason reason, String message) {
        super(message);
        this.reason = reason;
    }

    public Reason reason() {
        return reason;
    }
}
