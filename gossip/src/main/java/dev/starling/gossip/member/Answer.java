package dev.starling.gossip.member;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.Statement;
import java.util.Objects;

/**
 * {@code by} is there: it signed the {@code number} that {@code asker} drew at random. So the helper through which the question went cannot answer
 * in the place of a dead node.
 */
record Answer(NodeId by, NodeId asker, long number, Bytes signature) {
    Answer {
        Objects.requireNonNull(by, "by");
        Objects.requireNonNull(asker, "asker");
        Objects.requireNonNull(signature, "signature");
    }

    byte[] statement() {
        return new Statement("starling-answer-1").text(by.value()).text(asker.value()).number(number).toBytes();
    }
}
