package dev.starling.gossip.message;

import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.member.Forgotten;
import dev.starling.gossip.member.Member;
import dev.starling.gossip.member.Suspected;
import dev.starling.gossip.record.RecordDelta;
import java.util.ArrayList;
import java.util.List;

/** Pieces of state on their way. Taking the same piece twice, or in another order, changes nothing. */
public record Changes(
        List<Member> members, List<Suspected> suspected, List<Forgotten> forgotten, List<RecordDelta> records, List<DesiredObject> desired) {
    /** What a frame, its header and its counts take at most. */
    private static final int FRAME_BYTES = 64;
    private static final int MEMBER_BYTES = 256;

    public Changes {
        members = List.copyOf(members);
        suspected = List.copyOf(suspected);
        forgotten = List.copyOf(forgotten);
        records = List.copyOf(records);
        desired = List.copyOf(desired);
    }

    public boolean isEmpty() {
        return members.isEmpty() && suspected.isEmpty() && forgotten.isEmpty() && records.isEmpty() && desired.isEmpty();
    }

    public boolean isMembershipOnly() {
        return records.isEmpty() && desired.isEmpty();
    }

    /** Gathers changes up to a size. The first piece always fits, so that a large one travels alone rather than never. */
    public static final class Batch {
        private final int maxBytes;
        private final List<Member> members = new ArrayList<>();
        private final List<Suspected> suspected = new ArrayList<>();
        private final List<Forgotten> forgotten = new ArrayList<>();
        private final List<RecordDelta> records = new ArrayList<>();
        private final List<DesiredObject> desired = new ArrayList<>();
        private int bytes = FRAME_BYTES;

        public Batch(int maxBytes) {
            this.maxBytes = maxBytes;
        }

        public boolean isEmpty() {
            return bytes == FRAME_BYTES;
        }

        public int bytes() {
            return bytes;
        }

        public int remainingBytes() {
            return Math.max(0, maxBytes - bytes);
        }

        public boolean add(Member member) {
            return fits(MEMBER_BYTES + member.endpoint().host().length()) && members.add(member);
        }

        public boolean add(Suspected suspicion) {
            return fits(2 * MEMBER_BYTES + suspicion.suspect().endpoint().host().length()) && suspected.add(suspicion);
        }

        public boolean add(Forgotten removal) {
            return fits(MEMBER_BYTES) && forgotten.add(removal);
        }

        public boolean add(RecordDelta delta) {
            return fits(delta.approximateBytes()) && records.add(delta);
        }

        public boolean add(DesiredObject object) {
            return fits(object.approximateBytes()) && desired.add(object);
        }

        /** What was gathered; the batch is empty afterwards. */
        public Changes take() {
            Changes changes = new Changes(members, suspected, forgotten, records, desired);
            members.clear();
            suspected.clear();
            forgotten.clear();
            records.clear();
            desired.clear();
            bytes = FRAME_BYTES;
            return changes;
        }

        private boolean fits(int size) {
            if (bytes + size > maxBytes && !isEmpty()) {
                return false;
            }
            bytes += size;
            return true;
        }
    }
}
