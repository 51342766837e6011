package dev.starling.scheduler.plan;

import dev.starling.scheduler.filter.Constraint;
import dev.starling.scheduler.model.NodeView;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;

/**
 * How many tasks of one service each node has, and each branch of its placement preferences: {@code spread=node.labels.zone,
 * spread=node.labels.rack} makes a tree zone / rack / node, and the next task goes to the emptiest zone, in it to the emptiest rack, in it
 * to the emptiest node. Nodes without the label are a branch of their own. Nodes are named by their place in the list.
 */
final class SpreadCounts {
    private final int levels;
    private final int[] tasks;
    private final int[][] branchOf;
    private final int[][] branchTasks;

    SpreadCounts(List<NodeView> nodes, List<String> descriptors) {
        levels = descriptors.size();
        tasks = new int[nodes.size()];
        branchOf = new int[levels][nodes.size()];
        branchTasks = new int[levels][nodes.size()];
        String[] paths = new String[nodes.size()];
        Arrays.fill(paths, "");
        for (int level = 0; level < levels; level++) {
            TreeMap<String, Integer> branches = new TreeMap<>();
            for (int node = 0; node < paths.length; node++) {
                String value = Constraint.attribute(nodes.get(node), descriptors.get(level));
                paths[node] += '\0' + (value == null ? "" : value);
                Integer known = branches.putIfAbsent(paths[node], branches.size());
                branchOf[level][node] = known != null ? known : branches.size() - 1;
            }
        }
    }

    void add(int node) {
        tasks[node]++;
        for (int level = 0; level < levels; level++) {
            branchTasks[level][branchOf[level][node]]++;
        }
    }

    int tasks(int node) {
        return tasks[node];
    }

    /** How many tasks more {@code from} has than {@code to}, in the outermost branch in which they differ: 2 or more, and a move evens it out. */
    int surplus(int from, int to) {
        for (int level = 0; level < levels; level++) {
            if (branchOf[level][from] != branchOf[level][to]) {
                return branchTasks[level][branchOf[level][from]] - branchTasks[level][branchOf[level][to]];
            }
        }
        return tasks[from] - tasks[to];
    }

    /** Negative if {@code first} should get the next task before {@code second}, 0 if it makes no difference. */
    int compare(int first, int second) {
        for (int level = 0; level < levels; level++) {
            int firstBranch = branchOf[level][first];
            int secondBranch = branchOf[level][second];
            if (firstBranch != secondBranch) {
                int byTasks = Integer.compare(branchTasks[level][firstBranch], branchTasks[level][secondBranch]);
                return byTasks != 0 ? byTasks : Integer.compare(firstBranch, secondBranch);
            }
        }
        return Integer.compare(tasks[first], tasks[second]);
    }
}
