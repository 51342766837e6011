package dev.starling.node.join;

import java.time.Instant;
import java.util.List;

/**
 * What a manager answers a node that may join. JSON on the wire.
 *
 * @param certificate    the node's certificate, PEM
 * @param caCertificate  what the cluster trusts, PEM: the root of the token first, then, while the CA is rotated, the newer ones and their
 *                       cross-signed forms
 * @param caKey          PEM, for a manager; null for a worker
 * @param unlockKey      of autolock, for a manager; null where there is none
 * @param gossip         gossip addresses of live members, {@code host:port}
 * @param now            the cluster's time; {@code wallClock} is what the manager's clock shows
 */
public record JoinReply(
        String certificate, String caCertificate, String caKey, String unlockKey, List<String> gossip, Instant now, Instant wallClock) {}
