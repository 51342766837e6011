package dev.starling.gossip.desired;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.Fingerprint;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * The desired state: a map of registers whose join takes, per uid, the one that {@link DesiredObject#supersedes} the other. Tombstones
 * stay for good, so a node that was away for weeks cannot bring back what was deleted. What one manager wrote shares its certificate.
 */
public final class DesiredState implements Desired {
    private static final Comparator<DesiredObject> OLDEST_FIRST =
            Comparator.comparing(DesiredObject::created).thenComparing(DesiredObject::uid);

    private record Register(DesiredObject object, DesiredDigest digest) {
        static Register of(DesiredObject object) {
            return new Register(object, new DesiredDigest(object.uid(), object.deleted(), object.generation(), object.fingerprint()));
        }

        long fingerprint() {
            return Fingerprint.of(object.uid(), digest.fingerprint());
        }
    }

    /** Far more than there are managers; what is beyond is not shared. */
    private static final int SHARED_CERTIFICATES = 256;

    private final TreeMap<String, Register> byUid = new TreeMap<>();
    private final Map<Kind, TreeSet<DesiredObject>> live = new EnumMap<>(Kind.class);
    private final Map<Bytes, Bytes> certificates = new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Bytes, Bytes> eldest) {
            return size() > SHARED_CERTIFICATES;
        }
    };
    private long fingerprint;

    public DesiredState() {
        for (Kind kind : Kind.values()) {
            live.put(kind, new TreeSet<>(OLDEST_FIRST));
        }
    }

    /** True where joining {@code object} would change this state. */
    public boolean lacks(DesiredObject object) {
        Register here = byUid.get(object.uid());
        return here == null || object.supersedes(here.object);
    }

    /** The join with {@code news}: true where it is some. */
    public boolean join(DesiredObject news) {
        if (!lacks(news)) {
            return false;
        }
        Bytes shared = certificates.putIfAbsent(news.certificate(), news.certificate());
        DesiredObject object = shared == null ? news : news.sharing(shared);
        Register register = Register.of(object);
        Register before = byUid.put(object.uid(), register);
        if (before != null) {
            fingerprint ^= before.fingerprint();
            live.get(before.object.kind()).remove(before.object);
        }
        fingerprint ^= register.fingerprint();
        if (!object.deleted()) {
            live.get(object.kind()).add(object);
        }
        return true;
    }

    public long fingerprint() {
        return fingerprint;
    }

    /** Objects known, tombstones included. */
    public int size() {
        return byUid.size();
    }

    /** At most {@code limit} objects in uid order, from {@code first} on (inclusive). */
    public List<DesiredDigest> digest(String first, int limit) {
        return byUid.tailMap(first, true).values().stream().limit(limit).map(Register::digest).toList();
    }

    /** All objects from {@code first} to {@code last}, both inclusive; {@code last} null for no end. */
    public SortedMap<String, DesiredDigest> digestBetween(String first, String last) {
        SortedMap<String, DesiredDigest> digests = new TreeMap<>();
        SortedMap<String, Register> range = last == null ? byUid.tailMap(first, true)
                : first.compareTo(last) > 0 ? Collections.emptySortedMap() : byUid.subMap(first, true, last, true);
        range.forEach((uid, register) -> digests.put(uid, register.digest));
        return digests;
    }

    @Override
    public DesiredObject get(String uid) {
        Register register = byUid.get(uid);
        return register == null ? null : register.object;
    }

    @Override
    public List<DesiredObject> all() {
        return byUid.values().stream().map(Register::object).toList();
    }

    @Override
    public Collection<DesiredObject> live(Kind kind) {
        return Collections.unmodifiableSortedSet(live.get(kind));
    }
}
