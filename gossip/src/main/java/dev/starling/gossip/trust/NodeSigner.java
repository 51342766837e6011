package dev.starling.gossip.trust;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.NodeSigning;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bouncycastle.crypto.params.ECPublicKeyParameters;

/**
 * Signs what this node says of itself with its node key, and checks what others said of themselves. A public key travels as its compressed point (33
 * bytes), a signature as two numbers (64 bytes); a node's id is the digest of its key, so no certificate has to come along.
 *
 * <p>Keys whose point was decoded are remembered by their bytes. Safe for use by several threads.
 */
public final class NodeSigner implements NodeSigning {
    private static final int REMEMBERED_KEYS = 2048;

    private final NodeKey own;
    private final Bytes publicKey;
    private final Map<Bytes, Known> known = new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Bytes, Known> eldest) {
            return size() > REMEMBERED_KEYS;
        }
    };

    private record Known(NodeId id, ECPublicKeyParameters key) {}

    public NodeSigner(NodeKey own) {
        this.own = own;
        this.publicKey = Bytes.wrap(EllipticKeys.compressed(own.publicKey()));
    }

    @Override
    public Bytes publicKey() {
        return publicKey;
    }

    @Override
    public Bytes sign(byte[] statement) {
        return Bytes.wrap(EllipticKeys.signPlain(own.privateKey(), statement));
    }

    @Override
    public boolean signed(NodeId node, Bytes key, byte[] statement, Bytes signature) {
        Known by = key(key);
        return by != null && by.id.equals(node) && EllipticKeys.verifiesPlain(by.key, statement, signature.array());
    }

    /** Null where the bytes are no key. */
    private synchronized Known key(Bytes compressed) {
        Known remembered = known.get(compressed);
        if (remembered == null) {
            ECPublicKeyParameters key = EllipticKeys.ofCompressed(compressed.array());
            if (key != null) {
                remembered = new Known(NodeKey.nodeIdOf(key), key);
                known.put(compressed, remembered);
            }
        }
        return remembered;
    }
}
