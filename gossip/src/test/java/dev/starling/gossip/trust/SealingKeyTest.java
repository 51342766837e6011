package dev.starling.gossip.trust;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.NotEmpty;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is sealed opens for the same key and context, and for nothing else. */
class SealingKeyTest {
    private static final SealingKey KEY = SealingKey.generate();

    @Property(tries = 200)
    void whatWasSealedOpens(@ForAll @Size(max = 2_000) byte[] value, @ForAll String context) {
        byte[] sealed = KEY.seal(value, context);
        assertEquals(value.length + SealingKey.OVERHEAD_BYTES, sealed.length);
        assertArrayEquals(value, SealingKey.ofPem(KEY.pem()).open(sealed, context));
    }

    @Property(tries = 200)
    void oneChangedBitOrAnotherLengthIsSeen(@ForAll @NotEmpty byte[] value, @ForAll @IntRange(max = 1_000_000) int where, @ForAll @IntRange(max = 7) int bit) {
        byte[] sealed = KEY.seal(value, "x");
        byte[] changed = sealed.clone();
        changed[where % sealed.length] ^= 1 << bit;
        assertThrows(TrustException.class, () -> KEY.open(changed, "x"));
        assertThrows(TrustException.class, () -> KEY.open(Arrays.copyOf(sealed, where % sealed.length), "x"));
        assertThrows(TrustException.class, () -> KEY.open(Arrays.copyOf(sealed, sealed.length + 1 + where % 40), "x"));
    }

    @Property(tries = 100)
    void anyBytesAreRefusedAndNothingElseHappens(@ForAll @Size(max = 300) byte[] garbage) {
        assertThrows(TrustException.class, () -> KEY.open(garbage, "x"));
    }

    @Test
    void anotherKeyOrAnotherContextDoesNotOpenIt() {
        byte[] sealed = KEY.seal(new byte[] {1, 2, 3}, "secret a");
        assertThrows(TrustException.class, () -> KEY.open(sealed, "secret b"));
        assertThrows(TrustException.class, () -> SealingKey.generate().open(sealed, "secret a"));
        assertFalse(Arrays.equals(sealed, KEY.seal(new byte[] {1, 2, 3}, "secret a")), "equal values do not look equal");
        TrustException later = assertThrows(TrustException.class, () -> KEY.open(new byte[] {2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, "secret a"));
        assertTrue(later.getMessage().contains("sealed in form 2"), later.getMessage());
    }

    @Test
    void aDerivedKeyIsTheSameAfterARestartAndAnotherForAnotherPurposeOrNode(@TempDir Path directory) {
        NodeKey node = NodeKey.generate();
        node.save(directory);
        SealingKey before = SealingKey.derived(node.privateKey(), "held secrets");
        assertEquals(before, SealingKey.derived(NodeKey.load(directory).privateKey(), "held secrets"));
        assertNotEquals(before, SealingKey.derived(node.privateKey(), "other"));
        assertNotEquals(before, SealingKey.derived(NodeKey.generate().privateKey(), "held secrets"));
    }

    @Test
    void aKeyIsNeverPartOfATextThatMayBeLogged() {
        assertFalse(KEY.toString().contains(KEY.pem().lines().skip(1).findFirst().orElseThrow().substring(0, 8)));
        TrustException e = assertThrows(TrustException.class, () -> SealingKey.ofPem(KEY.pem().replace("KEY-----", "LOCK-----")));
        assertFalse(e.getMessage().contains(KEY.pem().lines().skip(1).findFirst().orElseThrow()), e.getMessage());
    }

    @Test
    void privateFilesTakeBytesOfAnyValue(@TempDir Path directory) {
        byte[] bytes = "caf\u00e9\0\r\n".getBytes(StandardCharsets.UTF_8);
        PrivateFile file = new PrivateFile(directory.resolve("x"));
        file.writeBytes(bytes);
        assertArrayEquals(bytes, file.readBytes(100));
        assertThrows(TrustException.class, () -> file.readBytes(3));
    }
}
