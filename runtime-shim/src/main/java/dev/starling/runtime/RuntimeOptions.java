package dev.starling.runtime;

/**
 * How this node's containers are run.
 *
 * @param cgroupParent     relative path below each control group hierarchy, of this node alone: {@code starling/NODE}
 * @param procThroughHelper mount containers' /proc with the host's mount(8), as on kernels before 6.17, even where it is not needed
 */
public record RuntimeOptions(String cgroupParent, boolean procThroughHelper) {
    public static RuntimeOptions forNode(String node) {
        return new RuntimeOptions("starling/" + node, false);
    }
}
