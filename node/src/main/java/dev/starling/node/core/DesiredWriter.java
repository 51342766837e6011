package dev.starling.node.core;

import com.fasterxml.jackson.databind.JsonNode;
import dev.starling.gossip.Bytes;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.Desired;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.desired.HybridTime;
import dev.starling.gossip.desired.Kind;
import java.util.Locale;
import java.util.Optional;
import java.util.random.RandomGenerator;

/**
 * Makes the signed registers of operators' writes. Only at a manager, only under a free name, and only over the generation that the writer
 * had read; it changes nothing itself, and throws {@link WriteRefusedException} with the reason for Docker's answer.
 */
final class DesiredWriter {
    private final NodeId self;
    private final Role role;
    private final ViewBuilder state;
    private final Desired desired;
    private final HybridClock clock;
    private final DesiredSigning signing;
    private final RandomGenerator random;
    private final int maxBodyBytes;
    private final DocumentCodec codec = new DocumentCodec();

    DesiredWriter(NodeId self, Role role, ViewBuilder state, Desired desired, HybridClock clock, DesiredSigning signing, RandomGenerator random,
            int maxBodyBytes) {
        this.self = self;
        this.role = role;
        this.state = state;
        this.desired = desired;
        this.clock = clock;
        this.signing = signing;
        this.random = random;
        this.maxBodyBytes = maxBodyBytes;
    }

    /** @param uid null: a new one is made */
    DesiredObject create(Kind kind, String uid, JsonNode body, long wallMillis) {
        requireManager();
        requireFreeName(kind, body.path("Spec").path("Name").asText(""));
        HybridTime now = clock.next(wallMillis);
        return signed(kind, uid != null ? uid : DockerId.random(random), now, 1, now, false, written(kind, body));
    }

    DesiredObject update(String uid, long generation, JsonNode body, long wallMillis) {
        requireManager();
        DesiredObject old = require(uid).object();
        if (old.generation() != generation) {
            throw new WriteRefusedException(WriteRefusedException.Reason.OUT_OF_SEQUENCE, "update out of sequence");
        }
        return signed(old.kind(), uid, old.created(), old.generation() + 1, timeOver(old, wallMillis), false, written(old.kind(), body));
    }

    /**
     * Writes {@code body} over {@code old} within its generation, a tick later. So it prevails over what it amends, and any operator's write, which is of
     * the next generation, over it. Empty where it does not fit: nobody has asked for it, so there is nobody to refuse it to.
     */
    Optional<DesiredObject> amend(DesiredObject old, JsonNode body) {
        requireManager();
        Bytes bytes = codec.write(body);
        return bytes.size() > maxBodyBytes ? Optional.empty()
                : Optional.of(signed(old.kind(), old.uid(), old.created(), old.generation(), old.time().next(0), false, bytes));
    }

    /** {@code old} as this manager's own write, in its place. */
    DesiredObject again(DesiredObject old) {
        requireManager();
        return signed(old.kind(), old.uid(), old.created(), old.generation(), old.time().next(0), old.deleted(), old.body());
    }

    DesiredObject delete(String uid, long wallMillis) {
        requireManager();
        DesiredObject old = require(uid).object();
        return signed(old.kind(), uid, old.created(), old.generation() + 1, timeOver(old, wallMillis), true, Bytes.EMPTY);
    }

    /**
     * A node's document says from when on its writes count no more, where it was demoted or removed ({@code EnrolledWriters}). So it is dated after all that
     * are known here, also those of a node whose clock is ahead: else whoever has not got them yet would never take them.
     */
    private HybridTime timeOver(DesiredObject old, long wallMillis) {
        HybridTime time = clock.next(wallMillis);
        if (old.kind() == Kind.NODE) {
            time = later(time, old);
            for (DesiredObject object : desired.all()) {
                time = object.writer().value().equals(old.uid()) ? later(time, object) : time;
            }
        }
        return time;
    }

    private static HybridTime later(HybridTime time, DesiredObject than) {
        return time.compareTo(than.time()) > 0 ? time : than.time().next(0);
    }

    /** The live document {@code uid}, or a refusal. */
    Document require(String uid) {
        Document document = state.document(uid);
        if (document == null) {
            throw new WriteRefusedException(WriteRefusedException.Reason.NOT_FOUND, "object " + uid + " not found");
        }
        return document;
    }

    private DesiredObject signed(Kind kind, String uid, HybridTime created, long generation, HybridTime time, boolean deleted, Bytes body) {
        return signing.sign(new DesiredObject(kind, uid, created, generation, time, self, deleted, body, Bytes.EMPTY, Bytes.EMPTY));
    }

    private Bytes written(Kind kind, JsonNode body) {
        Bytes bytes = codec.write(body);
        if (bytes.size() > maxBodyBytes) {
            throw new WriteRefusedException(WriteRefusedException.Reason.TOO_LARGE, kind.name().toLowerCase(Locale.ROOT) + " "
                    + body.path("Spec").path("Name").asText("") + " takes " + bytes.size() + " bytes, and every node keeps it: at most "
                    + maxBodyBytes + " are possible");
        }
        return bytes;
    }

    private void requireFreeName(Kind kind, String name) {
        if (name.isEmpty() || kind == Kind.NODE || kind == Kind.CLUSTER) {
            return;
        }
        for (Document other : state.documents(kind)) {
            if (other.name().equals(name)) {
                throw new WriteRefusedException(WriteRefusedException.Reason.NAME_IN_USE, "name conflicts with an existing object: "
                        + kind.name().toLowerCase(Locale.ROOT) + " " + name + " already exists");
            }
        }
    }

    private void requireManager() {
        if (role != Role.MANAGER) {
            throw new WriteRefusedException(WriteRefusedException.Reason.NOT_A_MANAGER,
                    "This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state. Please run this command on "
                            + "a manager node or promote the current node to a manager.");
        }
    }
}
