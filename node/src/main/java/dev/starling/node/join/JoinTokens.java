package dev.starling.node.join;

import dev.starling.gossip.Role;
import dev.starling.gossip.trust.ClusterAuthority;
import dev.starling.gossip.trust.JoinToken;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.Arrays;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * The secrets of join tokens. They are derived from the CA's key, the role and a rotation count, so each manager computes them by itself
 * and the desired state, which every worker has a copy of, holds only the count: a worker that was taken over learns no token.
 */
public final class JoinTokens {
    private static final int SECRET_BYTES = 16;

    public static JoinToken derive(ClusterAuthority authority, Role role, int rotation) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(authority.keyPem().getBytes(StandardCharsets.US_ASCII), "HmacSHA256"));
            byte[] code = mac.doFinal(("starling join token|" + role + "|" + rotation).getBytes(StandardCharsets.US_ASCII));
            return JoinToken.make(authority.certificate(), Arrays.copyOf(code, SECRET_BYTES));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("this Java has no HmacSHA256, which every Java must have", e);
        }
    }

    private JoinTokens() {}
}
