package dev.starling.node.image;

import dev.starling.gossip.NodeId;
import dev.starling.runtime.image.Digest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/**
 * What a steward knows: for each blob that its site has asked for lately, the nodes in line for it. The first fetches it from outside of the site; each of
 * the others follows one before it, at most {@link #FOLLOWERS} the same one, while that one is still downloading.
 *
 * <pre>
 *   line   A B C D E F G      A asks the registry
 *   follow . A A A A B B      what A has of the blob goes to B, C, D, E at once, what B has to F, G
 * </pre>
 *
 * An entry is a hint and no lock: it is in memory only, nobody renews it, and who finds that the node it follows has not got the blob or makes no progress
 * says so, upon which that node leaves the line. So a steward that restarts costs a second download at worst. Bounded in blobs, nodes and time.
 */
final class DownloadLines {
    static final int FOLLOWERS = 4;
    static final int MOST_BLOBS = 1_024;
    static final int MOST_NODES = 1_024;
    /** A large layer over a slow link is under way for so long. */
    static final Duration KEPT = Duration.ofHours(1);

    private static final class Line {
        private final List<NodeId> nodes = new ArrayList<>();
        private long askedNanos;
    }

    /** The one that was asked for longest ago first. */
    private final Map<Digest, Line> lines = new LinkedHashMap<>(16, 0.75f, true);

    /**
     * Whom {@code asker} is to follow; itself where it is to fetch the blob from outside.
     *
     * @param useless  the node that it followed until now and that is of no use; null for none
     * @param up       of the site and up
     * @param nowNanos a clock that does not jump
     */
    synchronized NodeId follow(Digest blob, NodeId asker, NodeId useless, Predicate<NodeId> up, long nowNanos) {
        lines.values().removeIf(line -> nowNanos - line.askedNanos > KEPT.toNanos());
        Line line = lines.computeIfAbsent(blob, absent -> new Line());
        line.askedNanos = nowNanos;
        line.nodes.removeIf(node -> node.equals(useless) && !node.equals(asker) || !node.equals(asker) && !up.test(node));
        if (!line.nodes.contains(asker)) {
            if (line.nodes.size() == MOST_NODES) {
                return asker;
            }
            line.nodes.add(asker);
        }
        if (lines.size() > MOST_BLOBS) {
            lines.remove(lines.keySet().iterator().next());
        }
        int place = line.nodes.indexOf(asker);
        return place == 0 ? asker : line.nodes.get((place - 1) / FOLLOWERS);
    }

    synchronized int blobs() {
        return lines.size();
    }
}
