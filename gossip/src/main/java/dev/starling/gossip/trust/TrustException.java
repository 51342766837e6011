package dev.starling.gossip.trust;

import java.nio.file.Path;

/** A key, certificate, token or signature that cannot be used; the message says which and why. */
public final class TrustException extends RuntimeException {
    private final boolean expiry;

    private TrustException(String message, Throwable cause, boolean expiry) {
        super(message, cause);
        this.expiry = expiry;
    }

    private TrustException(String message, Throwable cause) {
        this(message, cause, false);
    }

    /** True where a certificate is sound, but not valid at this time. */
    public boolean isExpiry() {
        return expiry;
    }

    static TrustException notValidNow(String reason) {
        return new TrustException(reason, null, true);
    }

    static TrustException refused(String reason) {
        return new TrustException(reason, null);
    }

    static TrustException refused(String reason, Throwable cause) {
        return new TrustException(cause == null ? reason : reason + ": " + cause.getMessage(), cause);
    }

    static TrustException file(String action, Path path, Throwable cause) {
        return new TrustException(action + " " + path + ": " + cause, cause);
    }
}
