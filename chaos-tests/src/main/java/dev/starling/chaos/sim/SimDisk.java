package dev.starling.chaos.sim;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.member.Member;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.random.RandomGenerator;

/** A node's disk: what reached it survives a power cut. Somebody may copy it, and put the copy back later. */
class SimDisk {
    private final TreeMap<String, DesiredObject> desired = new TreeMap<>();
    private final TreeMap<String, Bytes> record = new TreeMap<>();
    private final TreeMap<String, Member> members = new TreeMap<>();
    private long boot;
    private Certificates.Certificate certificate;
    private SimDisk copy;

    long nextBoot(long wallMillis, RandomGenerator random) {
        boot = Member.nextBoot(boot, wallMillis, random);
        return boot;
    }

    void certify(Certificates.Certificate issued) {
        certificate = issued;
    }

    Certificates.Certificate certificate() {
        return certificate;
    }

    void save(DesiredObject object) {
        desired.put(object.uid(), object);
    }

    void save(String key, Optional<Bytes> value) {
        value.ifPresentOrElse(bytes -> record.put(key, bytes), () -> record.remove(key));
    }

    void save(Member member) {
        members.put(member.id().value(), member);
    }

    Collection<DesiredObject> desired() {
        return List.copyOf(desired.values());
    }

    DesiredObject desired(String uid) {
        return desired.get(uid);
    }

    SortedMap<String, Bytes> record() {
        return new TreeMap<>(record);
    }

    Collection<Member> members() {
        return new ArrayList<>(members.values());
    }

    void backUp() {
        copy = new SimDisk();
        copy.desired.putAll(desired);
        copy.record.putAll(record);
        copy.members.putAll(members);
        copy.boot = boot;
        copy.certificate = certificate;
    }

    boolean hasBackup() {
        return copy != null;
    }

    /** All that was written since the copy was made is gone, the number of boots and a newer certificate too. */
    void putBack() {
        SimDisk old = copy;
        lose();
        desired.putAll(old.desired);
        record.putAll(old.record);
        members.putAll(old.members);
        boot = old.boot;
        certificate = old.certificate;
    }

    /** The card broke: what comes back is a new one. The boot counter is gone too; the node got a certificate for the same key and role. */
    void lose() {
        desired.clear();
        record.clear();
        members.clear();
        boot = 0;
    }
}
