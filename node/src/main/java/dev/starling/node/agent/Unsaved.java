package dev.starling.node.agent;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.member.Member;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What memory has and the disk has not: the newest value of each key, and nothing of what came before it. So a disk that is slow or
 * refuses writes for days costs at most the memory that the state itself takes.
 */
final class Unsaved {
    private final Map<String, DesiredObject> desired = new LinkedHashMap<>();
    private final Map<String, Optional<Bytes>> record = new LinkedHashMap<>();
    /** Null where the ones on disk will do. */
    private Collection<Member> members;

    void add(Storage.Batch batch) {
        batch.desired().forEach(object -> desired.put(object.uid(), object));
        record.putAll(batch.record());
        members = batch.members() != null ? batch.members() : members;
    }

    /** What an attempt to write took away and could not store; what has come meanwhile is newer. */
    void giveBack(Unsaved older) {
        older.desired.forEach(desired::putIfAbsent);
        older.record.forEach(record::putIfAbsent);
        members = members != null ? members : older.members;
    }

    boolean isEmpty() {
        return desired.isEmpty() && record.isEmpty() && members == null;
    }

    int size() {
        return desired.size() + record.size() + (members == null ? 0 : 1);
    }

    Collection<DesiredObject> desired() {
        return desired.values();
    }

    Map<String, Optional<Bytes>> record() {
        return record;
    }

    Collection<Member> members() {
        return members;
    }
}
