package dev.starling.node.api;

/** An error that the Docker API answers: HTTP status and the text that the CLI prints after "Error response from daemon: ". */
public class ApiException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final int status;

    public ApiException(int status, String message) {
        this(status, message, null);
    }

    public ApiException(int status, String message, Throwable cause) {
        super(message, cause);
        this.status = status;
    }

    public int status() {
        return status;
    }

    public static ApiException badRequest(String message) {
        return new ApiException(400, message);
    }

    public static ApiException notFound(String message) {
        return new ApiException(404, message);
    }

    public static ApiException conflict(String message) {
        return new ApiException(409, message);
    }

    /** What Starling does not have yet: named, never pretended. */
    public static ApiException notImplemented(String what) {
        return new ApiException(501, what + " is not there yet in this release of Starling");
    }

    public static ApiException unavailable(String message) {
        return new ApiException(503, message);
    }
}
