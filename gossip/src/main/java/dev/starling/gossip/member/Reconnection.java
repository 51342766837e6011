package dev.starling.gossip.member;

import dev.starling.gossip.Endpoint;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * How this node finds the others, and finds them again: seeds and dead members are greeted while there is nobody to talk to, and one dead
 * member now and then in any case, which heals partitions.
 */
final class Reconnection {
    /** A dead member, picked at random, is contacted once in this many probe intervals. */
    private static final int DEAD_CONTACT_INTERVALS = 8;
    /** Members contacted at once at the start, and while there is nobody to talk to. */
    static final int CONTACT_BURST = 32;

    private final Members members;
    private final Probing probing;
    private final RandomGenerator random;
    private final long deadContactInterval;
    private final long seedRetry;
    private List<Endpoint> seeds = List.of();
    private boolean heardOfAnyone;
    private long nextDeadContact = Long.MAX_VALUE;
    private long nextSeedContact = Long.MAX_VALUE;

    Reconnection(Members members, Probing probing, RandomGenerator random, long probeInterval, long seedRetry) {
        this.members = members;
        this.probing = probing;
        this.random = random;
        this.deadContactInterval = DEAD_CONTACT_INTERVALS * probeInterval;
        this.seedRetry = seedRetry;
    }

    void start(Collection<Endpoint> seedEndpoints, Endpoint own, long now) {
        seeds = seedEndpoints.stream().filter(seed -> !seed.equals(own)).distinct().toList();
        nextSeedContact = now;
        nextDeadContact = now + deadContactInterval;
    }

    void stop() {
        nextDeadContact = nextSeedContact = Long.MAX_VALUE;
    }

    /** Somebody answered. */
    void heard() {
        heardOfAnyone = true;
    }

    long nextTick() {
        return Math.min(nextDeadContact, nextSeedContact);
    }

    /** This node was not run for a while: what was due is due now. */
    void resume(long now) {
        nextSeedContact = Math.max(nextSeedContact, now);
        nextDeadContact = Math.max(nextDeadContact, now);
    }

    void contactSeedsIfDue(long now) {
        if (nextSeedContact > now) {
            return;
        }
        nextSeedContact = now + seedRetry;
        if (heardOfAnyone && !members.up().isEmpty()) {
            return;
        }
        for (Endpoint seed : seeds) {
            probing.greet(seed, null);
        }
        contactDead(CONTACT_BURST);
    }

    void contactDeadIfDue(long now) {
        if (nextDeadContact <= now) {
            nextDeadContact = now + deadContactInterval;
            contactDead(1);
        }
    }

    private void contactDead(int count) {
        List<Member> dead = new ArrayList<>();
        for (Member member : members.view().values()) {
            if (member.status() == MemberStatus.DEAD) {
                dead.add(member);
            }
        }
        for (int i = 0; i < count && !dead.isEmpty(); i++) {
            Member member = dead.remove(random.nextInt(dead.size()));
            probing.greet(member.endpoint(), member);
        }
    }
}
