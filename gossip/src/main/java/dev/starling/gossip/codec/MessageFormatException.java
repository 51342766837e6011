package dev.starling.gossip.codec;

/** Bytes that are no message of this protocol version. */
public final class MessageFormatException extends RuntimeException {
    /** Whether somebody is at fault, or just of another release. */
    public enum Reason {
        /** Not what any node of this protocol version sends. */
        MALFORMED,
        /** A type of message that came with a later release: to be ignored. */
        UNFAMILIAR_TYPE,
        /** Another version of the protocol: these two nodes cannot talk. */
        OTHER_VERSION
    }

    private final Reason reason;

    private MessageFormatException(Reason reason, String message, Throwable cause) {
        super(message, cause, false, false); // no stack trace: who sends what is no message could make this node take many
        this.reason = reason;
    }

    public Reason reason() {
        return reason;
    }

    public static MessageFormatException because(String reason) {
        return new MessageFormatException(Reason.MALFORMED, reason, null);
    }

    public static MessageFormatException causedBy(RuntimeException cause) {
        return new MessageFormatException(Reason.MALFORMED, cause.getClass().getSimpleName() + ": " + cause.getMessage(), cause);
    }

    static MessageFormatException unfamiliarType(int type) {
        return new MessageFormatException(Reason.UNFAMILIAR_TYPE, "message type " + type + " is of a later release", null);
    }

    static MessageFormatException otherVersion(int version, int own) {
        return new MessageFormatException(Reason.OTHER_VERSION, "protocol version " + version + ", this node speaks " + own
                + (version > own ? ": upgrade this node" : ": the peer has to be upgraded"), null);
    }
}
