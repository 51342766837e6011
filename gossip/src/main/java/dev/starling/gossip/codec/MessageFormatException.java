package dev.starling.gossip.codec;

/** Bytes that are no message of this protocol version. */
public final class MessageFormatException extends RuntimeException {
    private MessageFormatException(String message, Throwable cause) {
        super(message, cause, false, false); // no stack trace: who sends what is no message could make this node take many
    }

    public static MessageFormatException because(String reason) {
        return new MessageFormatException(reason, null);
    }

    public static MessageFormatException causedBy(RuntimeException cause) {
        return new MessageFormatException(cause.getClass().getSimpleName() + ": " + cause.getMessage(), cause);
    }
}
