package dev.starling.gossip;

import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.desired.HybridTime;
import dev.starling.gossip.desired.Kind;

/** Unsigned objects of the desired state for tests. */
public final class SampleObjects {
    private SampleObjects() {}

    public static DesiredObject service(String uid, long generation, NodeId writer, String body) {
        return object(uid, generation, writer, false, body);
    }

    public static DesiredObject tombstone(String uid, long generation, NodeId writer) {
        return object(uid, generation, writer, true, "");
    }

    private static DesiredObject object(String uid, long generation, NodeId writer, boolean deleted, String body) {
        return new DesiredObject(Kind.SERVICE, uid, HybridTime.of(1_000, 0), generation, HybridTime.of(1_000 + generation, 0), writer,
                deleted, Bytes.utf8(body), Bytes.utf8("signature"), Bytes.utf8("certificate"));
    }
}
