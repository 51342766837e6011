package dev.starling.netlink.balance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

class BucketsTest {
    private static TreeSet<Backend> backends(int count, int subnet, int port) {
        TreeSet<Backend> backends = new TreeSet<>();
        for (int i = 0; i < count; i++) {
            backends.add(new Backend("10.255." + subnet + "." + (i * 16 + 2), port, i % 2 == 0));
        }
        return backends;
    }

    @Property(tries = 200)
    void aBackendThatGoesTakesItsOwnBucketsOnly(@ForAll @IntRange(min = 2, max = 12) int count, @ForAll @IntRange(max = 255) int subnet, @ForAll Random random) {
        TreeSet<Backend> before = backends(count, subnet, 80);
        Backend gone = new ArrayList<>(before).get(random.nextInt(count));
        TreeSet<Backend> after = new TreeSet<>(before);
        after.remove(gone);
        for (int bucket = 0; bucket < Buckets.COUNT; bucket++) {
            Backend owner = Buckets.owner(bucket, before);
            if (!owner.equals(gone)) {
                assertEquals(owner, Buckets.owner(bucket, after));
            }
        }
    }

    @Property(tries = 50)
    void theOrderDoesNotCountNorWhichOfThemAreLocal(@ForAll @IntRange(min = 1, max = 12) int count, @ForAll Random random) {
        List<Backend> shuffled = new ArrayList<>();
        backends(count, 3, 0).forEach(backend -> shuffled.add(new Backend(backend.address(), backend.port(), random.nextBoolean())));
        Collections.shuffle(shuffled, random);
        for (int bucket = 0; bucket < Buckets.COUNT; bucket++) {
            assertEquals(Buckets.owner(bucket, backends(count, 3, 0)).address(), Buckets.owner(bucket, shuffled).address());
        }
    }

    @Property(tries = 200)
    void eachBackendHasAShare(@ForAll @IntRange(min = 2, max = 10) int count, @ForAll @IntRange(max = 255) int subnet, @ForAll @IntRange(max = 65_535) int port) {
        TreeMap<Backend, Integer> shares = new TreeMap<>();
        for (int bucket = 0; bucket < Buckets.COUNT; bucket++) {
            shares.merge(Buckets.owner(bucket, backends(count, subnet, port)), 1, Integer::sum);
        }
        double fair = (double) Buckets.COUNT / count;
        assertEquals(count, shares.size());
        shares.forEach((backend, share) -> assertTrue(share > fair * 0.25 && share < fair * 2.1, backend + " has " + share + " of " + shares));
    }
}
