package dev.starling.netlink;

/** A netlink request failed: {@code operation} says which, {@code errno} is the kernel's, the message has its extended ack too. */
public final class NetlinkException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final String operation;
    private final int errno;

    public NetlinkException(String operation, int errno, String detail) {
        super(operation + ": " + detail + " (errno " + errno + ")");
        this.operation = operation;
        this.errno = errno;
    }

    public String operation() {
        return operation;
    }

    public int errno() {
        return errno;
    }
}
