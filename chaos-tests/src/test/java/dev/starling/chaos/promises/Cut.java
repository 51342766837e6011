package dev.starling.chaos.promises;

import dev.starling.chaos.sim.SimNode;
import dev.starling.chaos.sim.Simulation;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/** How a cluster falls apart. Which nodes are where is up to the simulation's seed. */
enum Cut {
    IN_TWO {
        @Override
        List<List<SimNode>> among(List<SimNode> nodes, Simulation cluster) {
            int first = 1 + cluster.random().nextInt(nodes.size() - 1);
            return apart(cluster, List.of(nodes.subList(0, first), nodes.subList(first, nodes.size())));
        }
    },
    IN_THREE {
        @Override
        List<List<SimNode>> among(List<SimNode> nodes, Simulation cluster) {
            int third = nodes.size() / 3;
            return apart(cluster, List.of(nodes.subList(0, third), nodes.subList(third, 2 * third), nodes.subList(2 * third, nodes.size())));
        }
    },
    ONE_AWAY {
        @Override
        List<List<SimNode>> among(List<SimNode> nodes, Simulation cluster) {
            return apart(cluster, List.of(nodes.subList(0, 1), nodes.subList(1, nodes.size())));
        }
    },
    /** The first group hears the second, which does not hear the first. */
    ONE_WAY {
        @Override
        List<List<SimNode>> among(List<SimNode> nodes, Simulation cluster) {
            int first = 1 + cluster.random().nextInt(nodes.size() - 1);
            cut(cluster, nodes.subList(0, first), nodes.subList(first, nodes.size()));
            return List.of(nodes);
        }
    },
    /** Two groups, and one node between them that both reach. */
    WITH_A_BRIDGE {
        @Override
        List<List<SimNode>> among(List<SimNode> nodes, Simulation cluster) {
            int half = nodes.size() / 2;
            List<SimNode> left = nodes.subList(1, half);
            List<SimNode> right = nodes.subList(half, nodes.size());
            cut(cluster, left, right);
            cut(cluster, right, left);
            return List.of(nodes);
        }
    };

    /** @return the groups within which all reach each other, be it through others, and between which nothing passes */
    List<List<SimNode>> make(Simulation cluster) {
        List<SimNode> nodes = new ArrayList<>(cluster.nodes());
        Collections.shuffle(nodes, new Random(cluster.random().nextLong()));
        return among(nodes, cluster);
    }

    abstract List<List<SimNode>> among(List<SimNode> nodes, Simulation cluster);

    private static List<List<SimNode>> apart(Simulation cluster, List<List<SimNode>> groups) {
        groups.forEach(cluster::partition);
        return groups;
    }

    private static void cut(Simulation cluster, Collection<SimNode> from, Collection<SimNode> to) {
        from.forEach(sender -> to.forEach(receiver -> cluster.network().cut(sender.id(), receiver.id())));
    }
}
