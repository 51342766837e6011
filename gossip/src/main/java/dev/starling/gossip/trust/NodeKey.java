package dev.starling.gossip.trust;

import dev.starling.gossip.NodeId;
import java.io.IOException;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.util.Objects;
import javax.security.auth.x500.X500Principal;
import org.bouncycastle.crypto.params.ECPublicKeyParameters;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;

/**
 * The key pair that is this node. It is made on the node and never leaves it; the node's id is a digest of its public half, so an
 * id cannot be taken over by whoever sits at the same address, and a renewed certificate does not change it.
 *
 * <p>On disk: {@code node.key} (PKCS#8) and {@code node.pub} (SubjectPublicKeyInfo), both PEM, 0600; sealed where the {@link KeyVault} is.
 */
public record NodeKey(PrivateKey privateKey, PublicKey publicKey) {
    static final String KEY_FILE = "node.key";
    private static final String PUBLIC_FILE = "node.pub";
    private static final String PUBLIC_LABEL = "PUBLIC KEY";

    public NodeKey {
        Objects.requireNonNull(privateKey, "privateKey");
        publicKey = EllipticKeys.canonical(publicKey);
    }

    public static NodeKey generate() {
        KeyPair pair = EllipticKeys.generate();
        return new NodeKey(pair.getPrivate(), pair.getPublic());
    }

    /** @throws TrustException where a file is missing or unreadable, or the two halves do not belong together */
    public static NodeKey load(Path directory) {
        return load(directory, KeyVault.at(directory));
    }

    /** As {@link #load(Path)}, the private half from {@code vault}. */
    static NodeKey load(Path directory, KeyVault vault) {
        PrivateKey privateKey = Pem.privateKey(vault.read(KEY_FILE));
        PublicKey publicKey = decodePublic(Pem.decode(PUBLIC_LABEL, new PrivateFile(directory.resolve(PUBLIC_FILE)).read()));
        if (!EllipticKeys.match(privateKey, publicKey)) {
            throw TrustException.refused(directory.resolve(KEY_FILE) + " and " + PUBLIC_FILE + " are not one key pair");
        }
        return new NodeKey(privateKey, publicKey);
    }

    /** The private half is written last: where it is there, both are. */
    public void save(Path directory) {
        save(directory, KeyVault.at(directory));
    }

    void save(Path directory, KeyVault vault) {
        new PrivateFile(directory.resolve(PUBLIC_FILE)).write(Pem.encode(PUBLIC_LABEL, publicKey.getEncoded()));
        vault.write(KEY_FILE, Pem.of(privateKey));
    }

    public NodeId nodeId() {
        return nodeIdOf(publicKey);
    }

    /** A PKCS#10 request (DER) for a certificate over this key; the authority decides every field but the key. */
    public byte[] certificateRequest() {
        try {
            return new JcaPKCS10CertificationRequestBuilder(new X500Principal("CN=" + nodeId().value()), publicKey)
                    .build(new JcaContentSignerBuilder(EllipticKeys.SIGNATURE).build(privateKey)).getEncoded();
        } catch (OperatorCreationException | IOException e) {
            throw TrustException.refused("cannot make a certificate request", e);
        }
    }

    static NodeId nodeIdOf(ECPublicKeyParameters key) {
        return new NodeId(Digest36.short128(EllipticKeys.subjectPublicKeyInfo(key)));
    }

    static NodeId nodeIdOf(PublicKey key) {
        return new NodeId(Digest36.short128(EllipticKeys.canonical(key).getEncoded()));
    }

    @Override
    public String toString() {
        return "NodeKey[" + nodeId() + "]"; // never the private half
    }

    private static PublicKey decodePublic(byte[] der) {
        try {
            return java.security.KeyFactory.getInstance("EC").generatePublic(new java.security.spec.X509EncodedKeySpec(der));
        } catch (java.security.GeneralSecurityException e) {
            throw TrustException.refused("not an EC public key", e);
        }
    }
}
