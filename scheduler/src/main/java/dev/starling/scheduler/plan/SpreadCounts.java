package dev.starling.scheduler.plan;

import dev.starling.scheduler.filter.Constraint;
import dev.starling.scheduler.model.NodeView;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;

/**
 * How many tasks of one service each node has, and each branch of its placement preferences: {@code spread=node.labels.zone,
 * spread=node.labels.rack} makes a tree zone / rack / node, and the next task goes to the emptiest zone, in it to the emptiest rack, in it
 * to the emptiest node. Nodes without the label are a branch of their own. Nodes are named by their place in the list. The last level of
 * branches is called leaves; without preferences all nodes are in one.
 */
final class SpreadCounts {
    private final int levels;
    private final int[] tasks;
    private final int[] leafOf;
    private final int leaves;
    /** Level -> leaf -> branch. */
    private final int[][] branchOf;
    private final int[][] branchTasks;

    SpreadCounts(List<NodeView> nodes, List<String> descriptors) {
        levels = descriptors.size();
        tasks = new int[nodes.size()];
        leafOf = new int[nodes.size()];
        int[][] branchOfNode = new int[levels][nodes.size()];
        branchTasks = new int[levels][nodes.size()];
        String[] paths = new String[nodes.size()];
        Arrays.fill(paths, "");
        int branches = 1;
        for (int level = 0; level < levels; level++) {
            TreeMap<String, Integer> known = new TreeMap<>();
            for (int node = 0; node < paths.length; node++) {
                String value = Constraint.attribute(nodes.get(node), descriptors.get(level));
                paths[node] += '\0' + (value == null ? "" : value);
                known.putIfAbsent(paths[node], known.size());
                branchOfNode[level][node] = known.get(paths[node]);
            }
            branches = known.size();
        }
        leaves = branches;
        branchOf = new int[levels][leaves];
        for (int node = 0; node < leafOf.length; node++) {
            leafOf[node] = levels == 0 ? 0 : branchOfNode[levels - 1][node];
            for (int level = 0; level < levels; level++) {
                branchOf[level][leafOf[node]] = branchOfNode[level][node];
            }
        }
    }

    void add(int node) {
        change(node, 1);
    }

    /** Takes back one {@link #add}. */
    void remove(int node) {
        change(node, -1);
    }

    private void change(int node, int by) {
        tasks[node] += by;
        for (int level = 0; level < levels; level++) {
            branchTasks[level][branchOf[level][leafOf[node]]] += by;
        }
    }

    int tasks(int node) {
        return tasks[node];
    }

    /** How many tasks more {@code from} has than {@code to}, in the outermost branch in which they differ: 2 or more, and a move evens it out. */
    int surplus(int from, int to) {
        for (int level = 0; level < levels; level++) {
            int giver = branchOf[level][leafOf[from]];
            int taker = branchOf[level][leafOf[to]];
            if (giver != taker) {
                return branchTasks[level][giver] - branchTasks[level][taker];
            }
        }
        return tasks[from] - tasks[to];
    }

    /** There are two nodes of which one has {@code least} tasks more, in the sense of {@link #surplus}. */
    boolean hasSurplus(int least) {
        int[] fewest = new int[leaves];
        int[] most = new int[leaves];
        int[] someNode = new int[leaves];
        Arrays.fill(fewest, Integer.MAX_VALUE);
        for (int node = 0; node < tasks.length; node++) {
            fewest[leafOf[node]] = Math.min(fewest[leafOf[node]], tasks[node]);
            most[leafOf[node]] = Math.max(most[leafOf[node]], tasks[node]);
            someNode[leafOf[node]] = node;
        }
        for (int leaf = 0; leaf < leaves; leaf++) {
            for (int other = 0; other < leaves; other++) {
                if ((leaf == other ? most[leaf] - fewest[leaf] : surplus(someNode[leaf], someNode[other])) >= least) {
                    return true;
                }
            }
        }
        return false;
    }

    int leaves() {
        return leaves;
    }

    int leafOf(int node) {
        return leafOf[node];
    }

    /** Negative if a node of leaf {@code first} should get the next task before one of {@code second}; 0 only for the same leaf. */
    int compareLeaves(int first, int second) {
        for (int level = 0; level < levels; level++) {
            int firstBranch = branchOf[level][first];
            int secondBranch = branchOf[level][second];
            if (firstBranch != secondBranch) {
                int byTasks = Integer.compare(branchTasks[level][firstBranch], branchTasks[level][secondBranch]);
                return byTasks != 0 ? byTasks : Integer.compare(firstBranch, secondBranch);
            }
        }
        return 0;
    }
}
