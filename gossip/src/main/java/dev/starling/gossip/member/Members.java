package dev.starling.gossip.member;

import dev.starling.gossip.BucketFingerprints;
import dev.starling.gossip.Fingerprint;
import dev.starling.gossip.NodeId;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.random.RandomGenerator;

/**
 * The members this node knows, itself included, and those that were removed. A join-semilattice: per id the greatest {@link Member} in the
 * order of {@link Member#supersedes}, above which stands {@link Forgotten} of the same boot.
 */
public final class Members {
    /** Far above what this design is for; a peer that invents members meets it. */
    static final int MAX_MEMBERS = 20_000;
    private static final long NEVER = Long.MIN_VALUE;

    private final NodeId self;
    private final TreeMap<NodeId, Member> byId = new TreeMap<>();
    private final SortedMap<NodeId, Member> view = Collections.unmodifiableSortedMap(byId);
    private final TreeMap<NodeId, Long> forgotten = new TreeMap<>();
    /** The others that are up, in no order that matters but always the same one: for random picks in constant time. */
    private final List<NodeId> up = new ArrayList<>();
    private final TreeMap<NodeId, Integer> positionInUp = new TreeMap<>();
    private final BucketFingerprints fingerprints = new BucketFingerprints();

    public Members(NodeId self) {
        this.self = self;
    }

    public SortedMap<NodeId, Member> view() {
        return view;
    }

    public Member get(NodeId id) {
        return byId.get(id);
    }

    public boolean isUp(NodeId id) {
        return positionInUp.containsKey(id);
    }

    /** The others that are up. */
    public List<NodeId> up() {
        return Collections.unmodifiableList(up);
    }

    /** Over members and removals. */
    public BucketFingerprints fingerprints() {
        return fingerprints;
    }

    /** The join of this view with {@code claim}: true where it is news and was taken. */
    public boolean join(Member claim) {
        Member before = byId.get(claim.id());
        if (claim.boot() <= forgottenBoot(claim.id())
                || (before == null ? byId.size() >= MAX_MEMBERS : !claim.supersedes(before))) {
            return false;
        }
        put(claim);
        return true;
    }

    /** The join with a removal: true where it is news. The member goes if its boot is not above. */
    public boolean join(Forgotten removal) {
        long before = forgottenBoot(removal.id());
        if (removal.boot() <= before || (before == NEVER && forgotten.size() >= MAX_MEMBERS)) {
            return false;
        }
        fingerprints.toggle(removal.id(), removalFingerprint(removal.id(), before) ^ removalFingerprint(removal.id(), removal.boot()));
        forgotten.put(removal.id(), removal.boot());
        Member member = byId.get(removal.id());
        if (member != null && member.boot() <= removal.boot()) {
            byId.remove(removal.id());
            fingerprints.toggle(member.id(), memberFingerprint(member));
            setUp(removal.id(), false);
        }
        return true;
    }

    /** The boot generation up to which {@code id} was removed. */
    public long forgottenBoot(NodeId id) {
        return forgotten.getOrDefault(id, NEVER);
    }

    public List<Forgotten> forgotten() {
        return forgotten.entrySet().stream().map(entry -> new Forgotten(entry.getKey(), entry.getValue())).toList();
    }

    /** Up to {@code count} of the others that are up, at random, without {@code except} (which may be null). */
    public List<NodeId> sample(int count, NodeId except, RandomGenerator random) {
        int available = up.size() - (except != null && isUp(except) ? 1 : 0);
        if (count >= available) {
            return up.stream().filter(id -> !id.equals(except)).toList();
        }
        LinkedHashSet<NodeId> picked = new LinkedHashSet<>();
        while (picked.size() < count) {
            NodeId id = up.get(random.nextInt(up.size()));
            if (!id.equals(except)) {
                picked.add(id);
            }
        }
        return List.copyOf(picked);
    }

    private void put(Member member) {
        Member before = byId.put(member.id(), member);
        if (before != null) {
            fingerprints.toggle(member.id(), memberFingerprint(before));
        }
        fingerprints.toggle(member.id(), memberFingerprint(member));
        setUp(member.id(), member.status().isUp());
    }

    private void setUp(NodeId id, boolean isUp) {
        Integer position = positionInUp.get(id);
        if (isUp && position == null && !id.equals(self)) {
            positionInUp.put(id, up.size());
            up.add(id);
        } else if (!isUp && position != null) {
            NodeId last = up.remove(up.size() - 1);
            if (!last.equals(id)) {
                up.set(position, last);
                positionInUp.put(last, position);
            }
            positionInUp.remove(id);
        }
    }

    private static long memberFingerprint(Member member) {
        return Fingerprint.of(member.id().value(), member.boot(), member.incarnation(), member.status().ordinal());
    }

    private static long removalFingerprint(NodeId id, long boot) {
        return boot == NEVER ? 0 : Fingerprint.of(id.value(), boot);
    }
}
