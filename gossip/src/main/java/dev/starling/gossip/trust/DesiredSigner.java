package dev.starling.gossip.trust;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.desired.DesiredObject;
import java.util.Objects;

/** Signs what this manager writes into the desired state. The certificate travels along, so that any node can check it years
 * later; while the CA is rotated, so does the new root as the old one signed it, for those that have not heard of it. */
public record DesiredSigner(NodeCredentials credentials) {
    public DesiredSigner {
        Objects.requireNonNull(credentials, "credentials");
    }

    /** {@code object} with signature and certificate filled in; {@code object.writer()} must be this node. */
    public DesiredObject sign(DesiredObject object) {
        if (!object.writer().equals(credentials.nodeId())) {
            throw TrustException.refused("node " + credentials.nodeId() + " cannot sign what node " + object.writer() + " wrote");
        }
        Bytes signature = Bytes.wrap(EllipticKeys.sign(credentials.key(), object.signedBytes()));
        return new DesiredObject(object.kindCode(), object.uid(), object.created(), object.generation(), object.time(), object.writer(),
                object.deleted(), object.body(), signature, Bytes.wrap(credentials.chainDer()));
    }
}
