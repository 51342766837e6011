package dev.starling.gossip.desired;

import java.util.Collection;
import java.util.List;

/** The desired state as this node knows it. Read side. */
public interface Desired {
    /** The object, live or a tombstone; null where the uid is unknown. */
    DesiredObject get(String uid);

    /** The live objects of a kind, in the order of (created, uid). */
    Collection<DesiredObject> live(Kind kind);

    /** Every object, tombstones included, in the order of uids. A copy. */
    List<DesiredObject> all();
}
