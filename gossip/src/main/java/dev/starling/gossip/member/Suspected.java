package dev.starling.gossip.member;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.NodeSigning;
import dev.starling.gossip.Statement;
import java.util.Objects;

/**
 * {@code accuser} got no answer from {@code suspect}. Who says it matters: only different accusers confirm each other (Lifeguard). So the
 * accuser signs, and nobody can multiply.
 */
public record Suspected(Member suspect, NodeId accuser, Bytes signature) {
    public Suspected {
        Objects.requireNonNull(suspect, "suspect");
        Objects.requireNonNull(accuser, "accuser");
        Objects.requireNonNull(signature, "signature");
        if (suspect.status() != MemberStatus.SUSPECT) {
            throw new IllegalArgumentException("a suspected member has status SUSPECT, got " + suspect.status());
        }
    }

    /** This node's own accusation. */
    static Suspected by(NodeId self, Member suspect, NodeSigning signing) {
        Suspected unsigned = new Suspected(suspect, self, Bytes.EMPTY);
        return new Suspected(suspect, self, signing.sign(unsigned.statement()));
    }

    /** What the accuser signs. */
    public byte[] statement() {
        return new Statement("starling-suspicion-1").text(accuser.value()).text(suspect.id().value()).number(suspect.boot())
                .number(suspect.incarnation()).toBytes();
    }
}
