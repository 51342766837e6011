package dev.starling.gossip.desired;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.NodeId;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Comparator;
import java.util.Objects;

/**
 * One object of the desired state: a last-writer-wins register with a monotone delete (DESIGN.md section 3).
 *
 * <p>{@code generation} is Docker's {@code Version.Index}: 1 at creation, one more with each write. {@code body} is UTF-8 JSON whose
 * shape belongs to the layers above; gossip neither reads nor rewrites it, so a node of an older release keeps what it does not know.
 *
 * @param kindCode    {@link Kind#code}; kept as it came, for it may be of a later release
 * @param uid         Docker-style id, 25 characters of base 36; never reused
 * @param created     when the object was created; the oldest live uid holds a name
 * @param time        when this generation was written
 * @param writer      the manager that wrote this generation
 * @param deleted     a tombstone: wins over every register of the same uid, whatever its generation
 * @param signature   ECDSA-SHA256 by {@code certificate}'s key over {@link #signedBytes}; empty before signing
 * @param certificate the writer's certificate, DER, issued by the cluster CA with the manager role
 */
public record DesiredObject(
        int kindCode, String uid, HybridTime created, long generation, HybridTime time, NodeId writer, boolean deleted, Bytes body,
        Bytes signature, Bytes certificate) {
    private static final Comparator<DesiredObject> ORDER = Comparator.comparing(DesiredObject::deleted)
            .thenComparingLong(DesiredObject::generation).thenComparing(DesiredObject::time).thenComparing(DesiredObject::writer)
            .thenComparing(DesiredObject::contentHash).thenComparing(DesiredObject::signature).thenComparing(DesiredObject::certificate);

    public DesiredObject {
        Kind.ofCode(kindCode);
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

    public DesiredObject(Kind kind, String uid, HybridTime created, long generation, HybridTime time, NodeId writer, boolean deleted, Bytes body,
            Bytes signature, Bytes certificate) {
        this(kind.code(), uid, created, generation, time, writer, deleted, body, signature, certificate);
    }

    public Kind kind() {
        return Kind.ofCode(kindCode);
    }

    /**
     * What the writer signs: all fields but signature and certificate, in a fixed layout of {@link DataOutputStream}. It is on the wire and on
     * disk as part of every signature: never change it, add another first word.
     */
    public byte[] signedBytes() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(128 + body.size());
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            out.writeUTF("starling-desired-1");
            out.writeInt(kindCode);
            out.writeUTF(uid);
            out.writeLong(created.packed());
            out.writeLong(generation);
            out.writeLong(time.packed());
            out.writeUTF(writer.value());
            out.writeBoolean(deleted);
            out.writeInt(body.size());
            out.write(body.array());
        } catch (IOException e) {
            throw new UncheckedIOException("object " + uid + " has no canonical bytes: " + e.getMessage(), e); // a uid above 64 KiB
        }
        return bytes.toByteArray();
    }

    /** SHA-256 of {@link #signedBytes}. */
    public Bytes contentHash() {
        return Bytes.wrap(sha256().digest(signedBytes()));
    }

    /** Eight bytes of a hash over everything, signature and certificate included: equal registers, equal fingerprints. */
    public long fingerprint() {
        MessageDigest digest = sha256();
        digest.update(signedBytes());
        digest.update(signature.array());
        digest.update(certificate.array());
        return ByteBuffer.wrap(digest.digest()).getLong();
    }

    /**
     * True where the join of both is this one and not {@code other}: a tombstone before any live register, then the later (generation, time,
     * writer, content). Signature and certificate only make the order total: they differ where one content was signed twice.
     */
    public boolean supersedes(DesiredObject other) {
        if (!uid.equals(other.uid)) {
            throw new IllegalArgumentException("object " + uid + " cannot supersede another one, " + other.uid);
        }
        return !equals(other) && ORDER.compare(this, other) > 0;
    }

    /** The same with {@code shared}, an equal certificate: a manager's is some 600 bytes, and in all that it ever wrote. */
    DesiredObject sharing(Bytes shared) {
        return new DesiredObject(kindCode, uid, created, generation, time, writer, deleted, body, signature, shared);
    }

    /** About its encoded size, rather more than less. */
    public int approximateBytes() {
        return 192 + 3 * uid.length() + body.size() + signature.size() + certificate.size();
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("this Java has no SHA-256, which every Java must have", e);
        }
    }
}
