package dev.starling.node.core;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.NodeSigning;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/**
 * Stands in for the nodes' keys: a signature is a checksum over the signer's id and the statement. Cheap, the same in each run, and it fits neither another
 * statement nor another signer, so what would be found as forged with real keys is found here.
 */
public final class SimSigning implements NodeSigning {
    private final NodeId self;

    public SimSigning(NodeId self) {
        this.self = self;
    }

    @Override
    public Bytes publicKey() {
        return Bytes.utf8(self.value());
    }

    @Override
    public Bytes sign(byte[] statement) {
        return signature(self, statement);
    }

    @Override
    public boolean signed(NodeId node, Bytes publicKey, byte[] statement, Bytes signature) {
        return publicKey.equals(Bytes.utf8(node.value())) && signature.equals(signature(node, statement));
    }

    private static Bytes signature(NodeId signer, byte[] statement) {
        CRC32C checksum = new CRC32C();
        checksum.update(Bytes.utf8(signer.value()).array());
        checksum.update(statement);
        return Bytes.wrap(ByteBuffer.allocate(Integer.BYTES).putInt((int) checksum.getValue()).array());
    }
}
