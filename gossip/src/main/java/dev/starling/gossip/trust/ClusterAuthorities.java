package dev.starling.gossip.trust;

import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;

/** The CA keys that a manager holds: one, and while a rotation is under way one for each root that is trusted. Immutable. */
public record ClusterAuthorities(List<ClusterAuthority> held) {
    public ClusterAuthorities {
        held = List.copyOf(held);
    }

    public static ClusterAuthorities of(ClusterAuthority authority) {
        return new ClusterAuthorities(List.of(authority));
    }

    /** From what {@link #keysPem} gave. Keys of roots that are not trusted (any more) are left out. */
    public static ClusterAuthorities parse(String keysPem, ClusterRoots roots) {
        List<PrivateKey> keys = Pem.privateKeys(keysPem);
        List<ClusterAuthority> held = new ArrayList<>();
        for (X509Certificate root : roots.trusted()) {
            keys.stream().filter(key -> EllipticKeys.match(key, root.getPublicKey())).findFirst()
                    .ifPresent(key -> held.add(ClusterAuthority.of(key, root, roots.clusterId())));
        }
        if (held.isEmpty()) {
            throw TrustException.refused("the CA key and the CA certificate do not belong together");
        }
        return new ClusterAuthorities(held);
    }

    /** For managers only. */
    public String keysPem() {
        StringBuilder text = new StringBuilder();
        held.forEach(authority -> text.append(authority.keyPem()));
        return text.toString();
    }

    /** The one of {@code root}; null where its key is not held (yet). */
    public ClusterAuthority of(X509Certificate root) {
        return held.stream().filter(authority -> authority.certificate().equals(root)).findFirst().orElse(null);
    }

    /** The newest of {@code roots} whose key is held: what certificates are issued under. */
    public ClusterAuthority issuing(ClusterRoots roots) {
        for (int i = roots.trusted().size() - 1; i >= 0; i--) {
            ClusterAuthority authority = of(roots.trusted().get(i));
            if (authority != null) {
                return authority;
            }
        }
        throw TrustException.refused("this manager has no key of a CA that the cluster trusts; it asks the other managers for it");
    }

    /** These and {@code more}. */
    public ClusterAuthorities with(ClusterAuthority more) {
        if (of(more.certificate()) != null) {
            return this;
        }
        List<ClusterAuthority> all = new ArrayList<>(held);
        all.add(more);
        return new ClusterAuthorities(all);
    }

    /** Those of roots that {@code roots} trusts; all where it trusts none of them, since a manager is never without a key. */
    public ClusterAuthorities within(ClusterRoots roots) {
        List<ClusterAuthority> kept = held.stream().filter(authority -> roots.trusted().contains(authority.certificate())).toList();
        return kept.isEmpty() ? this : new ClusterAuthorities(kept);
    }

    @Override
    public String toString() {
        return "ClusterAuthorities" + held; // never a key
    }
}
