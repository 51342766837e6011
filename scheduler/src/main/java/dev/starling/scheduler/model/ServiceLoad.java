package dev.starling.scheduler.model;

/**
 * What the tasks of one service use on one node, as that node tells it: the mean over its tasks in eighths of what the service wants each to
 * use. Coarse, since every change of it travels to every node.
 *
 * @param tasks  that were measured
 * @param cpu    8: as much as is wanted; at most {@link #MOST}
 * @param memory likewise
 */
public record ServiceLoad(String serviceUid, int tasks, int cpu, int memory) {
    /** As much as is wanted. */
    public static final int WANTED = 8;
    /** Four times what is wanted, and all above. */
    public static final int MOST = 32;

    public int level() {
        return Math.max(cpu, memory);
    }
}
