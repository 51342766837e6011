package dev.starling.node.join;

import java.util.List;

/**
 * What a manager answers a node that may join. JSON on the wire.
 *
 * @param certificate    the node's certificate, PEM
 * @param caCertificate  PEM
 * @param caKey          PEM, for a manager; null for a worker
 * @param dataKey        PEM, for a manager; null for a worker
 * @param gossip         gossip addresses of live members, {@code host:port}
 */
public record JoinReply(String certificate, String caCertificate, String caKey, String dataKey, List<String> gossip) {
    @Override
    public String toString() {
        return "JoinReply[" + (caKey == null ? "worker" : "manager") + "]"; // never the keys
    }
}
