package dev.starling.netlink;

/** The body of a request as it goes to the kernel, for tests of other packages. */
public final class RequestBytes {
    public static byte[] of(Request request) {
        return request.body();
    }

    private RequestBytes() {}
}
