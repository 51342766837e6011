package dev.starling.node.spec;

import java.util.List;

/**
 * A spec that is not taken: wrong, at odds with what the cluster has, or asking for what this release does not have. The text begins with
 * the field, where there is one. What it becomes on the wire is the API's business.
 */
public final class SpecException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** INVALID: wrong in itself; NOT_FOUND: it names something that is not there; FORBIDDEN: a name or subnet that is taken or reserved. */
    public enum Kind { INVALID, NOT_FOUND, FORBIDDEN, NOT_SUPPORTED }

    private final Kind kind;

    private SpecException(Kind kind, String message) {
        super(message);
        this.kind = kind;
    }

    public Kind kind() {
        return kind;
    }

    static SpecException invalid(String message) {
        return new SpecException(Kind.INVALID, message);
    }

    static SpecException notFound(String message) {
        return new SpecException(Kind.NOT_FOUND, message);
    }

    static SpecException forbidden(String message) {
        return new SpecException(Kind.FORBIDDEN, message);
    }

    /** What Starling does not have yet: named, never pretended. */
    static SpecException notSupported(String what) {
        return new SpecException(Kind.NOT_SUPPORTED, what + " is not there yet in this release of Starling");
    }

    /** What this node's kernel cannot do. */
    static SpecException notSupportedHere(String what, List<String> missing) {
        return new SpecException(Kind.NOT_SUPPORTED, what + " needs of this node's kernel what it does not have: " + String.join("; ", missing));
    }
}
