package dev.starling.runtime.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Whatever comes in whatever pieces: the JDK's hash. */
class NativeSha256Test {
    @Test
    void itSaysWhatTheJdkSays() {
        Random random = new Random(5);
        MessageDigest used = NativeSha256.create();
        for (int round = 0; round < 200; round++) { // the same object again and again, as digest() leaves it fresh
            MessageDigest jdk = NativeSha256.ofJdk();
            for (int piece = random.nextInt(6); piece > 0; piece--) {
                byte[] content = new byte[random.nextInt(70_000)];
                random.nextBytes(content);
                int offset = random.nextInt(content.length + 1);
                int length = random.nextInt(content.length - offset + 1);
                used.update(content, offset, length);
                jdk.update(content, offset, length);
                used.update((byte) piece);
                jdk.update((byte) piece);
            }
            assertArrayEquals(jdk.digest(), used.digest(), "round " + round);
        }
    }

    @Test
    void whereThereIsALibcryptoItIsUsed() throws Exception {
        boolean there = Stream.of("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib/arm-linux-gnueabihf")
                .anyMatch(directory -> Files.exists(Path.of(directory, "libcrypto.so.3")));
        assumeTrue(there, "this machine has no libcrypto.so.3 (Debian: libssl3)");
        assertInstanceOf(NativeSha256.class, NativeSha256.create());
    }
}
