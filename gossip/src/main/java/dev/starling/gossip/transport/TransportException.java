package dev.starling.gossip.transport;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import java.time.Duration;

/** Why a request got no reply, or a listener could not be opened. {@link #reason} tells what to do; the message tells a human. */
public final class TransportException extends RuntimeException {
    /** What went wrong; {@link #retryable} where the same call may work later. */
    public enum Reason {
        /** The listen address cannot be bound. */
        BIND(false),
        /** No connection, or it broke before the reply. The request may have been carried out. */
        UNREACHABLE(true),
        /** No reply in time. The request may have been carried out. */
        TIMEOUT(true),
        /** A queue here or a limit there is full. */
        BUSY(true),
        /** Another node than the expected one answers at that address. */
        WRONG_PEER(false),
        /** The peer has no handler for the subject. */
        NO_HANDLER(false),
        /** The peer's handler failed. */
        FAILED(false),
        /** Over the frame cap. */
        TOO_LARGE(false),
        /** This transport is closed. */
        CLOSED(false);

        private final boolean retryable;

        Reason(boolean retryable) {
            this.retryable = retryable;
        }
    }

    private final Reason reason;

    private TransportException(Reason reason, String message, Throwable cause) {
        super(message, cause);
        this.reason = reason;
    }

    public Reason reason() {
        return reason;
    }

    public boolean retryable() {
        return reason.retryable;
    }

    static TransportException bind(Endpoint listen, Throwable cause) {
        String text = String.valueOf(cause.getMessage());
        String why = text.contains("in use") ? " is in use: another agent runs, or choose another listen address"
                : text.contains("assign") ? " cannot be bound: no interface of this machine has it"
                : " cannot be bound: " + text;
        return new TransportException(Reason.BIND, "gossip address " + listen + why, cause);
    }

    static TransportException unreachable(Endpoint to, Throwable cause) {
        return new TransportException(Reason.UNREACHABLE, "no connection to " + to + ": " + cause.getMessage(), cause);
    }

    static TransportException lost(String peer, String why) {
        return new TransportException(Reason.UNREACHABLE, "the connection to " + peer + " ended: " + why, null);
    }

    static TransportException timeout(Endpoint to, String subject, Duration after) {
        return new TransportException(Reason.TIMEOUT, "no reply from " + to + " to '" + subject + "' within " + after.toMillis() + " ms", null);
    }

    static TransportException busy(String what) {
        return new TransportException(Reason.BUSY, what, null);
    }

    static TransportException wrongPeer(Endpoint at, NodeId expected, NodeId found) {
        return new TransportException(Reason.WRONG_PEER, "node " + found + " answers at " + at + ", expected node " + expected, null);
    }

    static TransportException remote(Endpoint at, Frame.Failure failure) {
        Reason reason = switch (failure.code()) {
            case NO_HANDLER -> Reason.NO_HANDLER;
            case BUSY -> Reason.BUSY;
            case FAILED -> Reason.FAILED;
        };
        return new TransportException(reason, "node at " + at + " answered: " + failure.text(), null);
    }

    static TransportException tooLarge(int bytes, int cap) {
        return new TransportException(Reason.TOO_LARGE, "a frame of " + bytes + " bytes is over the cap of " + cap, null);
    }

    static TransportException closed() {
        return new TransportException(Reason.CLOSED, "the transport is closed", null);
    }
}
