package dev.starling.gossip.transport;

import dev.starling.gossip.trust.TrustException;
import io.netty.handler.ssl.NotSslRecordException;
import io.netty.handler.ssl.SslHandshakeTimeoutException;

/** Why a connection ended before it was one: the label of the metric. What is known more exactly goes into the log. */
public enum RefusedConnection {
    NO_CERTIFICATE,
    /** Of another cluster, or no node's at all. */
    FOREIGN_CERTIFICATE,
    EXPIRED_CERTIFICATE,
    REMOVED_NODE,
    NOT_TLS,
    /** TLS that did not come to an end for another reason; where this node dialled, the other side may have refused it. */
    TLS_FAILURE,
    /** A member of the cluster that said something else than hello, or speaks another version. */
    NO_HELLO,
    TOO_SLOW,
    TOO_MANY_HALF_OPEN,
    TOO_MANY_CONNECTIONS,
    CLOSED_BY_PEER;

    static RefusedConnection of(Throwable cause) {
        for (Throwable at = cause; at != null; at = at.getCause()) {
            if (at instanceof TrustException refused) {
                return refused.isExpiry() ? EXPIRED_CERTIFICATE : FOREIGN_CERTIFICATE;
            }
            if (at instanceof NotSslRecordException) {
                return NOT_TLS;
            }
            if (at instanceof SslHandshakeTimeoutException) {
                return TOO_SLOW;
            }
            if (String.valueOf(at.getMessage()).contains("Empty client certificate chain")) { // the JDK has no type for it
                return NO_CERTIFICATE;
            }
        }
        return TLS_FAILURE;
    }
}
