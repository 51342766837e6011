package dev.starling.gossip.member;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;

/** The join of two members is a maximum on a chain, and that of two member tables is the join of each. */
class MemberLawsTest {
    private static final NodeId OBSERVER = new NodeId("observer");

    @Provide
    Arbitrary<Member> members() {
        return Combinators.combine(Arbitraries.of("a", "b", "c"), Arbitraries.of("10.0.0.1", "10.0.0.2"), Arbitraries.of(Role.class),
                        Arbitraries.longs().between(0, 2), Arbitraries.longs().between(0, 2), Arbitraries.of(MemberStatus.class))
                .as((id, host, role, boot, incarnation, status) ->
                        new Member(new NodeId(id), new Endpoint(host, 7946), role, boot, incarnation, status));
    }

    @Provide
    Arbitrary<List<Object>> claims() {
        Arbitrary<Forgotten> removals = Combinators.combine(Arbitraries.of("a", "b", "c"), Arbitraries.longs().between(0, 2))
                .as((id, boot) -> new Forgotten(new NodeId(id), boot));
        return Arbitraries.frequencyOf(Tuple.of(4, members()), Tuple.of(1, removals))
                .map(claim -> (Object) claim).list().ofMaxSize(12);
    }

    @Property(tries = 2_000)
    void supersedesIsAStrictTotalOrder(@ForAll("members") Member a, @ForAll("members") Member b, @ForAll("members") Member c) {
        Member y = new Member(a.id(), b.endpoint(), b.role(), b.boot(), b.incarnation(), b.status());
        Member z = new Member(a.id(), c.endpoint(), c.role(), c.boot(), c.incarnation(), c.status());
        assertFalse(a.supersedes(a));
        assertEquals(!a.equals(y), a.supersedes(y) ^ y.supersedes(a));
        if (a.supersedes(y) && y.supersedes(z)) {
            assertTrue(a.supersedes(z));
        }
    }

    @Property(tries = 2_000)
    void anyOrderAndRepetitionGivesTheSameTable(@ForAll("claims") List<Object> claims, @ForAll long seed) {
        List<Object> shuffled = new ArrayList<>(claims);
        shuffled.addAll(claims);
        Collections.shuffle(shuffled, new Random(seed));
        Members one = joined(claims);
        Members other = joined(shuffled);
        assertEquals(one.view(), other.view());
        assertEquals(one.forgotten(), other.forgotten());
        assertEquals(one.fingerprints().total(), other.fingerprints().total());
        assertEquals(List.copyOf(new TreeSet<>(one.up())), List.copyOf(new TreeSet<>(other.up())));
    }

    @Property(tries = 500)
    void whoIsUpIsWhoTheTableSaysIsUp(@ForAll("claims") List<Object> claims) {
        Members members = joined(claims);
        List<NodeId> expected = members.view().values().stream().filter(member -> member.status().isUp()).map(Member::id).toList();
        assertEquals(expected, members.up().stream().sorted().toList());
        expected.forEach(id -> assertTrue(members.isUp(id)));
    }

    private static Members joined(List<Object> claims) {
        Members members = new Members(OBSERVER);
        for (Object claim : claims) {
            if (claim instanceof Member member) {
                members.join(member);
            } else {
                members.join((Forgotten) claim);
            }
        }
        return members;
    }
}
