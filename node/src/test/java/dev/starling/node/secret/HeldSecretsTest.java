package dev.starling.node.secret;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.starling.gossip.trust.SealingKey;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a worker keeps of its tasks' secrets, and for how long. */
class HeldSecretsTest {
    private static final byte[] BYTES = "correct horse battery staple".getBytes(StandardCharsets.UTF_8);

    @TempDir
    Path directory;

    @Test
    void whatNoTaskNeedsIsDeletedAfterAWhile() {
        HeldSecrets held = new HeldSecrets(directory.resolve("held"), SealingKey.generate());
        held.put("needed", BYTES);
        held.put("done", BYTES);
        held.sweep(Set.of("needed"), 1_000);
        held.sweep(Set.of("needed"), 1_000 + HeldSecrets.KEEP_MILLIS - 1);
        assertArrayEquals(BYTES, held.find("done"), "its task may have failed a moment ago");
        held.sweep(Set.of("needed", "done"), 1_000 + HeldSecrets.KEEP_MILLIS);
        held.sweep(Set.of("needed"), 2_000 + HeldSecrets.KEEP_MILLIS);
        assertArrayEquals(BYTES, held.find("done"), "needed in between");
        held.sweep(Set.of("needed"), 2_000 + 2 * HeldSecrets.KEEP_MILLIS);
        assertNull(held.find("done"));
        assertArrayEquals(BYTES, held.find("needed"));
        HeldSecrets another = new HeldSecrets(directory.resolve("held"), SealingKey.generate());
        assertNull(another.find("needed"), "with another node's key it is of no use");
    }

    @Test
    void namesOfFilesAreNotTakenFromStrangers() {
        HeldSecrets held = new HeldSecrets(directory.resolve("held"), SealingKey.generate());
        for (String uid : List.of("", "../x", "a/b", "x".repeat(65))) {
            assertThrows(IllegalArgumentException.class, () -> held.put(uid, BYTES));
            assertFalse(held.has(uid));
        }
    }
}
