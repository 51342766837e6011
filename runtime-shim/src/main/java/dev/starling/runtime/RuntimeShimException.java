package dev.starling.runtime;

/** A container or image operation failed. The message says what, where and why; {@code errno} is 0 where no system call was to blame. */
public final class RuntimeShimException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** What kind of failure it is, so that callers know whether to retry and which HTTP status fits. */
    public enum Kind { NOT_FOUND, CONFLICT, INVALID, UNSUPPORTED, SYSTEM }

    private final Kind kind;
    private final int errno;

    public RuntimeShimException(Kind kind, String message, int errno, Throwable cause) {
        super(message, cause);
        this.kind = kind;
        this.errno = errno;
    }

    public static RuntimeShimException notFound(String message) {
        return new RuntimeShimException(Kind.NOT_FOUND, message, 0, null);
    }

    public static RuntimeShimException conflict(String message) {
        return new RuntimeShimException(Kind.CONFLICT, message, 0, null);
    }

    public static RuntimeShimException invalid(String message) {
        return new RuntimeShimException(Kind.INVALID, message, 0, null);
    }

    public static RuntimeShimException unsupported(String message) {
        return new RuntimeShimException(Kind.UNSUPPORTED, message, 0, null);
    }

    public static RuntimeShimException system(String message, Throwable cause) {
        return new RuntimeShimException(Kind.SYSTEM, message, 0, cause);
    }

    public Kind kind() {
        return kind;
    }

    public int errno() {
        return errno;
    }
}
