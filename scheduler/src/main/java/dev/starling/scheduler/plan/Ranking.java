package dev.starling.scheduler.plan;

import dev.starling.scheduler.model.Rendezvous;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntPredicate;

/**
 * The nodes that can take a task of one service, in the order in which they should: by the emptiest branch of its placement preferences,
 * then by tasks of the service, price and tasks of all services, then by the slot's rendezvous score, then by their place in the list.
 *
 * <p>All but the score is the same for every slot, so nodes lie in buckets by it, and only a bucket's members are compared by score: of a
 * thousand nodes some hundred for most slots, instead of all.
 *
 * <pre>
 *   leaf (zone a)   tasks 2, price 50, of all 7:  n1 n7        the next slot goes to n1 or n7, by score
 *                   tasks 2, price 50, of all 8:  n5
 *                   tasks 3, price 50, of all 4:  n2 n3 n9
 * </pre>
 */
final class Ranking {
    private static final long NOT_IN = -1;
    private static final int PRICE_SHIFT = 32;
    /** A price has less than 1,024, so 10 bits. */
    private static final int TASKS_SHIFT = PRICE_SHIFT + 10;

    /** Nodes that differ only by score. Their order in it means nothing. */
    private static final class Bucket {
        int[] members = new int[4];
        int size;
    }

    /** By node: what with a slot's hash gives its score; see {@link Rendezvous#preparedScore}. */
    private final long[] prepared;
    private final SpreadCounts counts;
    private final TreeMap<Long, Bucket>[] leaves;
    private final int[] leafSizes;
    private final long[] keys;
    private final int[] places;

    @SuppressWarnings("unchecked")
    Ranking(long[] prepared, SpreadCounts counts) {
        this.prepared = prepared;
        this.counts = counts;
        this.leaves = new TreeMap[counts.leaves()];
        this.leafSizes = new int[leaves.length];
        for (int leaf = 0; leaf < leaves.length; leaf++) {
            leaves[leaf] = new TreeMap<>();
        }
        this.keys = new long[prepared.length];
        this.places = new int[prepared.length];
        Arrays.fill(keys, NOT_IN);
    }

    boolean contains(int node) {
        return keys[node] != NOT_IN;
    }

    /** Puts the node where it belongs now. */
    void put(int node, int tasks, int price, int allTasks) {
        long key = (long) tasks << TASKS_SHIFT | (long) price << PRICE_SHIFT | allTasks;
        if (keys[node] == key) {
            return;
        }
        remove(node);
        int leaf = counts.leafOf(node);
        Bucket bucket = leaves[leaf].computeIfAbsent(key, first -> new Bucket());
        if (bucket.size == bucket.members.length) {
            bucket.members = Arrays.copyOf(bucket.members, 2 * bucket.size);
        }
        keys[node] = key;
        places[node] = bucket.size;
        bucket.members[bucket.size++] = node;
        leafSizes[leaf]++;
    }

    void remove(int node) {
        if (keys[node] == NOT_IN) {
            return;
        }
        int leaf = counts.leafOf(node);
        Bucket bucket = leaves[leaf].get(keys[node]);
        int last = bucket.members[--bucket.size];
        bucket.members[places[node]] = last;
        places[last] = places[node];
        if (bucket.size == 0) {
            leaves[leaf].remove(keys[node]);
        }
        keys[node] = NOT_IN;
        leafSizes[leaf]--;
    }

    /** The best node that is not {@code refused}; -1 if there is none. */
    int first(IntPredicate refused, boolean anyRefused, long slotHash) {
        int best = -1;
        for (int leaf = 0; leaf < leaves.length; leaf++) {
            if (leafSizes[leaf] > 0 && (best < 0 || counts.compareLeaves(leaf, counts.leafOf(best)) < 0)) {
                int found = firstIn(leaf, refused, anyRefused, slotHash);
                best = found >= 0 ? found : best;
            }
        }
        return best;
    }

    private int firstIn(int leaf, IntPredicate refused, boolean anyRefused, long slotHash) {
        for (Bucket bucket : leaves[leaf].values()) {
            int best = -1;
            long bestScore = 0;
            for (int i = 0; i < bucket.size; i++) {
                int node = bucket.members[i];
                if (anyRefused && refused.test(node)) {
                    continue;
                }
                long score = score(slotHash, node);
                if (best < 0 || score > bestScore || score == bestScore && node < best) {
                    best = node;
                    bestScore = score;
                }
            }
            if (best >= 0) {
                return best;
            }
        }
        return -1;
    }

    /** How many come before {@code node}; at least {@code enough} where they are that many or more. */
    int before(int node, long slotHash, int enough) {
        int own = counts.leafOf(node);
        int before = 0;
        for (int leaf = 0; leaf < leaves.length; leaf++) {
            if (leaf != own && leafSizes[leaf] > 0 && counts.compareLeaves(leaf, own) < 0) {
                before += leafSizes[leaf];
            }
        }
        long ownScore = score(slotHash, node);
        for (Map.Entry<Long, Bucket> entry : leaves[own].entrySet()) {
            Bucket bucket = entry.getValue();
            if (entry.getKey() < keys[node]) {
                before += bucket.size;
                continue;
            }
            for (int i = 0; i < bucket.size && before < enough; i++) {
                int member = bucket.members[i];
                long score = score(slotHash, member);
                before += isLess(ownScore, score);
                if (score == ownScore && member < node) {
                    before++;
                }
            }
            break;
        }
        return before;
    }

    /** Whether {@code node} comes before {@code other}; both are in. */
    boolean isBefore(int node, int other, long slotHash) {
        int leaf = counts.leafOf(node);
        int otherLeaf = counts.leafOf(other);
        if (leaf != otherLeaf) {
            return counts.compareLeaves(leaf, otherLeaf) < 0;
        }
        return keys[node] != keys[other] ? keys[node] < keys[other] : precedes(node, score(slotHash, node), other, score(slotHash, other));
    }

    private long score(long slotHash, int node) {
        return Rendezvous.preparedScore(slotHash, prepared[node]);
    }

    /** 1 or 0. Without a branch: which of two scores is less no processor foresees, and a plan compares some ten million of them. */
    private static int isLess(long one, long other) {
        return (int) ((one & ~other | ~(one ^ other) & one - other) >>> Long.SIZE - 1);
    }

    private static boolean precedes(int node, long score, int other, long otherScore) {
        return score > otherScore || score == otherScore && node < other;
    }
}
