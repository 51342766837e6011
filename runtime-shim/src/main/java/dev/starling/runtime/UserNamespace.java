package dev.starling.runtime;

/**
 * Which users of the host the users 0 to {@code size - 1} of all containers of this node are; groups alike. As Docker's userns-remap: root in a container is
 * nobody outside of it. One range for all of them, so that they can share volumes.
 *
 * @param first above 0; none of {@code first} to {@code first + size - 1} is anybody on the host
 */
public record UserNamespace(int first, int size) {
    public static final int STANDARD_SIZE = 65536;

    public UserNamespace {
        if (first < 1 || size < 1 || (long) first + size > Integer.MAX_VALUE) {
            throw RuntimeShimException.invalid("user namespace from " + first + " with " + size + " users: the first has to be above 0, and all below 2^31");
        }
    }

    /** On the host. @throws RuntimeShimException INVALID for one that the containers do not have */
    public int onHost(int id) {
        if (id < 0 || id >= size) {
            throw RuntimeShimException.invalid("user or group " + Integer.toUnsignedString(id) + ": this node's containers have 0 to " + (size - 1) + " (user-namespace)");
        }
        return first + id;
    }
}
