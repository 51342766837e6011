package dev.starling.gossip.trust;

import dev.starling.gossip.NodeId;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * Which CA certificates a node trusts, and why there may be more than one: a rotation makes a new root, and until every enrolled node has a
 * certificate under it, both count. The new root is signed by the older ones too, so a node that has not heard of it follows the chain
 * <pre>
 *   node certificate -> new root, cross-signed by the old one -> old root, which it knows
 * </pre>
 * and connections hold in both directions all the time. Nobody has to be told first.
 *
 * @param clusterId   the O of each node certificate; a root of the operator's own need not carry it
 * @param trusted     oldest first: the first is the one that join tokens pin, the last the one that certificates are issued under
 * @param crossSigned newer roots' keys, certified by older roots
 * @param retired     for signatures in the desired state only
 */
public record ClusterRoots(String clusterId, List<X509Certificate> trusted, List<X509Certificate> crossSigned, List<RetiredRoot> retired) {
    /** Roots that may be trusted at a time; rotations that do not come to an end are refused beyond. */
    public static final int MAX_TRUSTED = 6;
    private static final int MAX_CHAIN = 8;
    private static final int KEY_CERT_SIGN = 5; // RFC 5280, 4.2.1.3

    public ClusterRoots {
        Objects.requireNonNull(clusterId, "clusterId");
        trusted = List.copyOf(trusted);
        crossSigned = List.copyOf(crossSigned);
        retired = List.copyOf(retired);
        if (trusted.isEmpty()) {
            throw TrustException.refused("no CA certificate is trusted");
        }
    }

    /** One root, made by {@link ClusterAuthority#create}. */
    public static ClusterRoots only(X509Certificate ca) {
        return new ClusterRoots(NodeCertificate.only(ca.getSubjectX500Principal(), "O"), List.of(ca), List.of(), List.of());
    }

    /** A root that is known to be the cluster's by its digest; {@code leaf} says the cluster's id. */
    public static ClusterRoots pinned(X509Certificate root, X509Certificate leaf) {
        return new ClusterRoots(NodeCertificate.only(leaf.getSubjectX500Principal(), "O"), List.of(root), List.of(), List.of());
    }

    /** From what {@link #pem} gave: the self-signed ones are trusted, the others are cross-signed. */
    public static ClusterRoots parse(String clusterId, String pem) {
        List<X509Certificate> all = Pem.certificates(pem);
        return new ClusterRoots(clusterId, all.stream().filter(root -> signed(root, root)).toList(),
                all.stream().filter(cross -> !signed(cross, cross)).toList(), List.of());
    }

    public String pem() {
        StringBuilder text = new StringBuilder();
        trusted.forEach(root -> text.append(Pem.of(root)));
        crossSigned.forEach(cross -> text.append(Pem.of(cross)));
        return text.toString();
    }

    public X509Certificate oldest() {
        return trusted.get(0);
    }

    public X509Certificate newest() {
        return trusted.get(trusted.size() - 1);
    }

    /** These and {@code root}, the oldest; the same where it is among them. */
    public ClusterRoots including(X509Certificate root) {
        if (trusted.contains(root)) {
            return this;
        }
        List<X509Certificate> all = new ArrayList<>(List.of(root));
        all.addAll(trusted);
        return new ClusterRoots(clusterId, all, crossSigned, retired);
    }

    /** These, and those of {@code told} whose keys a root that is trusted here has certified: whoever tells of them need not be trusted. */
    public ClusterRoots learn(ClusterRoots told) {
        List<X509Certificate> all = new ArrayList<>(trusted);
        List<X509Certificate> crosses = new ArrayList<>(crossSigned);
        for (X509Certificate root : told.trusted) {
            List<X509Certificate> certified = told.crossSigned.stream().filter(cross -> mayIssue(cross) && issuerOf(cross) != null
                    && cross.getPublicKey().equals(root.getPublicKey())
                    && cross.getSubjectX500Principal().equals(root.getSubjectX500Principal())).toList();
            if (!all.contains(root) && !certified.isEmpty() && all.size() < MAX_TRUSTED) {
                all.add(root);
                crosses.addAll(certified);
            }
        }
        return new ClusterRoots(clusterId, all, crosses, retired);
    }

    /** The root, trusted or retired, with {@link ClusterAuthority#digest} {@code digest}; null where it is none of them. */
    public X509Certificate withDigest(String digest) {
        return Stream.concat(trusted.stream(), retired.stream().map(RetiredRoot::certificate))
                .filter(root -> ClusterAuthority.digest(root).equals(digest)).findFirst().orElse(null);
    }

    /**
     * Who {@code leaf} speaks for. It must be signed by a trusted root, or by one of {@code others} that a trusted root has certified; they are
     * what came along and prove nothing by themselves.
     *
     * @throws TrustException with the reason where it is not a node certificate of this cluster; says nothing of time
     */
    public PeerIdentity identify(X509Certificate leaf, List<X509Certificate> others) {
        X509Certificate issuer = trusted.size() == 1 && others.isEmpty() ? newest() : issuer(leaf, others);
        return NodeCertificate.read(leaf, issuer == null ? newest() : issuer, clusterId); // with null: for the reason
    }

    /** As {@link #identify(X509Certificate, List)}; the first of {@code chain} is the node's. */
    public PeerIdentity identify(List<X509Certificate> chain) {
        if (chain.isEmpty() || chain.size() > MAX_CHAIN) {
            throw TrustException.refused("a chain of " + chain.size() + " certificates; 1 to " + MAX_CHAIN + " are read");
        }
        return identify(chain.get(0), chain.subList(1, chain.size()));
    }

    /** The trusted root that signed {@code leaf}; null where none did. */
    public X509Certificate issuerOf(X509Certificate leaf) {
        return trusted.stream().filter(root -> signed(root, leaf)).findFirst().orElse(null);
    }

    private X509Certificate issuer(X509Certificate leaf, List<X509Certificate> others) {
        X509Certificate root = issuerOf(leaf);
        if (root != null) {
            return root;
        }
        return others.stream().filter(cross -> mayIssue(cross) && signed(cross, leaf) && issuerOf(cross) != null).findFirst().orElse(null);
    }

    /** What a node shows with {@code leaf}: the cross-signed forms of its issuer. */
    public List<X509Certificate> crossSignedFor(X509Certificate leaf) {
        return crossSigned.stream().filter(cross -> signed(cross, leaf)).limit(MAX_CHAIN - 2).toList();
    }

    /** The retired root under which {@code writer} had signed as {@code leaf} says; null where there is none. */
    RetiredRoot retiredIssuer(X509Certificate leaf, NodeId writer) {
        return retired.stream().filter(root -> root.writers().contains(writer) && signed(root.certificate(), leaf)).findFirst().orElse(null);
    }

    private static boolean mayIssue(X509Certificate certificate) {
        boolean[] usage = certificate.getKeyUsage();
        return certificate.getBasicConstraints() >= 0 && usage != null && usage[KEY_CERT_SIGN];
    }

    private static boolean signed(X509Certificate issuer, X509Certificate certificate) {
        if (!certificate.getIssuerX500Principal().equals(issuer.getSubjectX500Principal())) {
            return false;
        }
        try {
            certificate.verify(issuer.getPublicKey());
            return true;
        } catch (GeneralSecurityException e) {
            return false;
        }
    }
}
