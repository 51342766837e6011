package dev.starling.netlink.xfrm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EspSupportTest {
    @TempDir
    private Path directory;

    @Test
    void theCpuDecidesWhichCipherComesFirst() {
        List<Cipher> both = List.of(Cipher.AES_GCM, Cipher.CHACHA20_POLY1305);
        assertEquals(both, EspSupport.fastestFirst(both, true));
        assertEquals(List.of(Cipher.CHACHA20_POLY1305, Cipher.AES_GCM), EspSupport.fastestFirst(both, false));
        assertEquals(List.of(Cipher.AES_GCM), EspSupport.fastestFirst(List.of(Cipher.AES_GCM), false), "what is there, where there is no choice");
    }

    @Test
    void aesInstructionsAreAWordOfTheFlags() throws IOException {
        assertTrue(EspSupport.hasAesInstructions(cpu("processor\t: 0\nflags\t\t: fpu sse4_2 aes xsave\n")));
        assertTrue(EspSupport.hasAesInstructions(cpu("Features\t: fp asimd aes pmull\n")), "ARM");
        assertFalse(EspSupport.hasAesInstructions(cpu("model name\t: aes\nflags\t\t: fpu vaes\n")));
        assertFalse(EspSupport.hasAesInstructions(directory.resolve("nosuch")));
    }

    private Path cpu(String info) throws IOException {
        return Files.writeString(directory.resolve("cpuinfo"), info);
    }
}
