package dev.starling.gossip.trust;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JoinTokenTest {
    private static final ClusterAuthority CLUSTER = ClusterAuthority.create("k3x9");

    @Test
    void whatIsMadeIsParsedAndHasDockersShape() {
        Random random = new Random(1);
        for (int i = 0; i < 200; i++) {
            byte[] entropy = new byte[16];
            random.nextBytes(entropy);
            Arrays.fill(entropy, 0, i % 17, (byte) (i % 2 == 0 ? 0 : -1)); // leading zeros and the largest numbers, too
            JoinToken token = JoinToken.make(CLUSTER.certificate(), entropy);
            assertTrue(token.text().matches("SWMTKN-1-[0-9a-z]{50}-[0-9a-z]{25}"), token.text());
            assertEquals(token, JoinToken.parse(" " + token.text() + "\n"));
            assertTrue(token.matches(CLUSTER.certificate()));
        }
    }

    @Test
    void itPinsOneAuthorityAndOneSecret() {
        JoinToken token = JoinToken.make(CLUSTER.certificate(), new byte[16]);
        assertFalse(token.matches(ClusterAuthority.create("k3x9").certificate()));
        byte[] entropy = new byte[16];
        entropy[15] = 1;
        assertFalse(token.secretEquals(JoinToken.make(CLUSTER.certificate(), entropy)));
        assertTrue(token.secretEquals(JoinToken.parse(token.text())));
        assertFalse(token.toString().contains(token.secret()), "a token in a log must not show its secret");
    }

    @ParameterizedTest
    @CsvSource({
        "'', must begin with SWMTKN-1-",
        "SWMTKN-2-a-b, must begin with SWMTKN-1-",
        "SWMTKN-1-abc, found 1 part",
        "SWMTKN-1-a-b-c, found 3 parts",
        "SWMTKN-1-abc-def, 'the CA digest must be 50 characters of 0-9 and a-z, got 3'",
        "SWMTKN-1-00000000000000000000000000000000000000000000000000-def, 'the secret must be 25 characters of 0-9 and a-z, got 3'",
        "SWMTKN-1-0000000000000000000000000000000000000000000000000Z-0000000000000000000000000, got 50 with others among them",
    })
    void aBadTokenSaysWhatIsWrong(String text, String reason) {
        TrustException refused = assertThrows(TrustException.class, () -> JoinToken.parse(text));
        assertTrue(refused.getMessage().contains(reason), refused.getMessage());
    }
}
