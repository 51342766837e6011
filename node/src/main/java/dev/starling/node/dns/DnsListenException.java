package dev.starling.node.dns;

/** The name server could not bind to a gateway's address: another program has the port, or the bridge does not have the address (yet). */
public final class DnsListenException extends RuntimeException {
    private static final long serialVersionUID = 1;

    DnsListenException(String message, Throwable cause) {
        super(message, cause);
    }
}
