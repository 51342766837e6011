package dev.starling.gossip.codec;

/** Bytes that are no message of this protocol version. */
public final class MessageFormatException extends RuntimeException {
    private MessageFormatException(String message, Throwable cause) {
        super(message, cause);
    }

    public static MessageFormatException because(String reason) {
        return new MessageFormatException(reason, null);
    }

    public static MessageFormatException causedBy(RuntimeException cause) {
        return new MessageFormatException(cause.getClass().getSimpleName() + ": " + cause.getMessage(), cause);
    }
}
