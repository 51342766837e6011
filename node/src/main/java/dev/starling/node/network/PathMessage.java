package dev.starling.node.network;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.Optional;

/**
 * What nodes say to each other by the UDP port of their ESP, to find the way and to keep NAT's mappings.
 *
 * <pre>
 * "SPM1"  kind  sender  receiver  sender's key  receiver's key  nonce  [IPv4 address, port]  tag of 16 bytes over all before
 * </pre>
 *
 * Names and keys are texts with a length before them. Each is about 150 bytes long, and an answer hardly longer than its question.
 *
 * @param nonce random in a question; the question's in its answer
 * @param seen  in an answer: where the question came from
 */
record PathMessage(NodeId sender, NodeId receiver, String senderKey, String receiverKey, long nonce, Optional<Endpoint> seen) {
    private static final int MAGIC = 0x53504d31;
    private static final int QUESTION = 1;
    private static final int ANSWER = 2;

    boolean isAnswer() {
        return seen.isPresent();
    }

    PathMessage answer(Endpoint from) {
        return new PathMessage(receiver, sender, receiverKey, senderKey, nonce, Optional.of(from));
    }

    byte[] encode(PathKey key) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            out.writeInt(MAGIC);
            out.writeByte(isAnswer() ? ANSWER : QUESTION);
            out.writeUTF(sender.value());
            out.writeUTF(receiver.value());
            out.writeUTF(senderKey);
            out.writeUTF(receiverKey);
            out.writeLong(nonce);
            if (seen.isPresent()) {
                out.writeUTF(seen.get().host());
                out.writeShort(seen.get().port());
            }
            byte[] untagged = bytes.toByteArray();
            out.write(key.tag(untagged, untagged.length));
            return bytes.toByteArray();
        } catch (IOException e) {
            throw new UncheckedIOException(e); // memory has no I/O errors
        }
    }

    /** Empty for what is none. That its tag is right, {@link PathKey#verifies} says: it takes the key that this names. */
    static Optional<PathMessage> decode(byte[] message) {
        if (message.length < PathKey.TAG_BYTES) {
            return Optional.empty();
        }
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(Arrays.copyOf(message, message.length - PathKey.TAG_BYTES)))) {
            int magic = in.readInt();
            int kind = in.readByte();
            if (magic != MAGIC || kind != QUESTION && kind != ANSWER) {
                return Optional.empty();
            }
            PathMessage question = new PathMessage(new NodeId(in.readUTF()), new NodeId(in.readUTF()), in.readUTF(), in.readUTF(), in.readLong(), Optional.empty());
            PathMessage whole = kind == QUESTION ? question : new PathMessage(question.sender, question.receiver, question.senderKey, question.receiverKey,
                    question.nonce, Optional.of(new Endpoint(in.readUTF(), in.readUnsignedShort())));
            return in.available() == 0 ? Optional.of(whole) : Optional.empty();
        } catch (IOException | IllegalArgumentException malformed) {
            return Optional.empty();
        }
    }
}
