package dev.starling.node.dns;

/** These bytes are not one DNS query. */
final class MalformedQueryException extends RuntimeException {
    private static final long serialVersionUID = 1;

    MalformedQueryException(String reason) {
        super(reason, null, false, false); // thrown for whatever arrives: no stack trace
    }
}
