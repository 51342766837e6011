package dev.starling.netlink;

import java.util.Arrays;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/**
 * One request as data, ready to be gathered into a batch ({@link NetlinkSocket#executeAll}).
 *
 * <p>Some requests are right whether or not they find work ("delete this neighbour"); {@link #tolerating} names the errors that mean so.
 */
public final class Request {
    private final String operation;
    private final int type;
    private final int flags;
    private final byte[] body;
    private final Set<Integer> tolerated;

    private Request(String operation, int type, int flags, byte[] body, Set<Integer> tolerated) {
        this.operation = operation;
        this.type = type;
        this.flags = flags;
        this.body = body;
        this.tolerated = tolerated;
    }

    /**
     * @param operation for errors and logs, in iproute2's words: {@code link set eth0 up}
     * @param type      {@code RTM_...}
     * @param flags     {@code NLM_F_...} beyond REQUEST, which is implied
     */
    public static Request of(String operation, int type, int flags, Consumer<MessageWriter> body) {
        MessageWriter writer = new MessageWriter();
        body.accept(writer);
        return new Request(operation, type, flags, writer.toBytes(), Set.of());
    }

    /** The same, and these errors count as success. */
    public Request tolerating(Integer... errnos) {
        return new Request(operation, type, flags, body, Arrays.stream(errnos).collect(Collectors.toUnmodifiableSet()));
    }

    public String operation() {
        return operation;
    }

    int type() {
        return type;
    }

    int flags() {
        return flags;
    }

    byte[] body() {
        return body;
    }

    boolean tolerates(int errno) {
        return tolerated.contains(errno);
    }

    @Override
    public String toString() {
        return operation;
    }
}
