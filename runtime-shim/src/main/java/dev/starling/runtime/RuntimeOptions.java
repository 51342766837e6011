package dev.starling.runtime;

/**
 * How this node's containers are run.
 *
 * @param cgroupParent     relative path below each control group hierarchy, of this node alone: {@code starling/NODE}
 * @param procThroughHelper mount containers' /proc with the host's mount(8), as on kernels before 6.17, even where it is not needed
 * @param logBytesPerHour  that the logs of all containers may write to the disk; 0 for no limit
 */
public record RuntimeOptions(String cgroupParent, boolean procThroughHelper, long logBytesPerHour) {
    /** Logs are not limited. */
    public RuntimeOptions(String cgroupParent, boolean procThroughHelper) {
        this(cgroupParent, procThroughHelper, 0);
    }

    public static RuntimeOptions forNode(String node) {
        return new RuntimeOptions("starling/" + node, false);
    }
}
