package dev.starling.node.core;

/** A record value that this release cannot read. */
final class MalformedRecordException extends RuntimeException {
    private static final long serialVersionUID = 1;

    MalformedRecordException(String message, Throwable cause) {
        super(message, cause);
    }
}
