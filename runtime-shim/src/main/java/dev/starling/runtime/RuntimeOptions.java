package dev.starling.runtime;

import dev.starling.runtime.oci.OciProgram;

/**
 * How this node's containers are run.
 *
 * @param cgroupParent     relative path below each control group hierarchy, of this node alone: {@code starling/NODE}
 * @param procThroughHelper mount containers' /proc with the host's mount(8), as on kernels before 6.17, even where it is not needed
 * @param oci               the OCI runtime that makes the containers; null: this JVM does it by its own system calls
 * @param userNamespace     of all containers, with an OCI runtime; null: they have the host's users
 * @param logBytesPerHour   that the logs of all containers may write to the disk; 0 for no limit
 * @param sandboxes         to keep ready for the next starts, where the machine has memory to spare; 0 for none. For the JVM's own way only
 */
public record RuntimeOptions(
        String cgroupParent, boolean procThroughHelper, OciProgram oci, UserNamespace userNamespace, long logBytesPerHour, int sandboxes) {
    private static final int SANDBOXES = 2;

    public RuntimeOptions {
        if (userNamespace != null && oci == null) {
            throw RuntimeShimException.unsupported("user-namespace with the native runtime: the kernel lets no program with threads make one. crun does it (runtime: {name: crun})");
        }
    }

    /** With as many sandboxes as do a node good. */
    public RuntimeOptions(String cgroupParent, boolean procThroughHelper, OciProgram oci, UserNamespace userNamespace, long logBytesPerHour) {
        this(cgroupParent, procThroughHelper, oci, userNamespace, logBytesPerHour, SANDBOXES);
    }
}
