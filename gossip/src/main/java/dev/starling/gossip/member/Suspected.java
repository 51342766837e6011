package dev.starling.gossip.member;

import dev.starling.gossip.NodeId;
import java.util.Objects;

/** {@code accuser} got no answer from {@code suspect}. Who says it matters: only different accusers confirm each other (Lifeguard). */
public record Suspected(Member suspect, NodeId accuser) {
    public Suspected {
        Objects.requireNonNull(suspect, "suspect");
        Objects.requireNonNull(accuser, "accuser");
        if (suspect.status() != MemberStatus.SUSPECT) {
            throw new IllegalArgumentException("a suspected member has status SUSPECT, got " + suspect.status());
        }
    }
}
