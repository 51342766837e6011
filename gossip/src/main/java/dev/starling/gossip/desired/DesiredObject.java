package dev.starling.gossip.desired;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.NodeId;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Objects;

/**
 * One object of the desired state: a last-writer-wins register with a monotone delete (DESIGN.md section 3).
 *
 * <p>{@code generation} is Docker's {@code Version.Index}: 1 at creation, one more with each write. {@code body} is UTF-8 JSON whose
 * shape belongs to the layers above; gossip neither reads nor rewrites it, so a node of an older release keeps what it does not know.
 *
 * @param uid         Docker-style id, 25 characters of base 36; never reused
 * @param created     when the object was created; the oldest live uid holds a name
 * @param time        when this generation was written
 * @param writer      the manager that wrote this generation
 * @param deleted     a tombstone: wins over every register of the same uid, whatever its generation
 * @param signature   ECDSA-SHA256 by {@code certificate}'s key over {@link #signedBytes}; empty before signing
 * @param certificate the writer's certificate, DER, issued by the cluster CA with the manager role
 */
public record DesiredObject(
        Kind kind, String uid, HybridTime created, long generation, HybridTime time, NodeId writer, boolean deleted, Bytes body,
        Bytes signature, Bytes certificate) {
    public DesiredObject {
        Objects.requireNonNull(kind, "kind");
        Objects.requireNonNull(uid, "uid");
        Objects.requireNonNull(created, "created");
        Objects.requireNonNull(time, "time");
        Objects.requireNonNull(writer, "writer");
        Objects.requireNonNull(body, "body");
        Objects.requireNonNull(signature, "signature");
        Objects.requireNonNull(certificate, "certificate");
        if (generation < 1) {
            throw new IllegalArgumentException("generation must be at least 1, got " + generation);
        }
    }

    /** All fields but signature and certificate, in the one layout that is signed. */
    public byte[] signedBytes() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(128 + body.size());
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            out.writeUTF("starling-desired-1");
            out.writeInt(kind.code());
            out.writeUTF(uid);
            out.writeLong(created.packed());
            out.writeLong(generation);
            out.writeLong(time.packed());
            out.writeUTF(writer.value());
            out.writeBoolean(deleted);
            out.writeInt(body.size());
            out.write(body.array());
        } catch (IOException e) {
            throw new UncheckedIOException("desired object " + uid + " cannot be laid out", e);
        }
        return bytes.toByteArray();
    }
}
