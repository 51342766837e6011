package dev.starling.runtime.oci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.RuntimeShimException.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What stands where an OCI runtime is expected. */
class OciProgramTest {
    @TempDir Path directory;

    @Test
    void theFirstLineIsItsVersion() throws IOException {
        OciProgram program = OciProgram.find(OciProgram.Kind.CRUN, script("echo 'crun version 1.8.1'; echo 'commit: f8a0'"));
        assertEquals("crun version 1.8.1", program.version());
    }

    @Test
    void anotherProgramIsRefusedWithItsWords() throws IOException {
        Path script = script("echo 'runc version 1.1.5'");
        RuntimeShimException refusal = assertThrows(RuntimeShimException.class, () -> OciProgram.find(OciProgram.Kind.CRUN, script));
        assertEquals(Kind.UNSUPPORTED, refusal.kind());
        assertTrue(refusal.getMessage().contains("runc version 1.1.5"), refusal.getMessage());
    }

    /** An agent that starts by itself on a machine far away must not stand there for ever. */
    @Test
    void nobodyWaitsForWhoHoldsItsOutputOpen() throws IOException {
        Path holder = directory.resolve("holder");
        Path script = script("sleep 300 & echo $! > " + holder + "; echo 'crun version 1.8.1'");
        try {
            assertTimeoutPreemptively(Duration.ofSeconds(90), () -> OciProgram.find(OciProgram.Kind.CRUN, script));
        } finally {
            ProcessHandle.of(Long.parseLong(Files.readString(holder).trim())).ifPresent(ProcessHandle::destroyForcibly);
        }
    }

    private Path script(String line) throws IOException {
        Path script = Files.writeString(directory.resolve("crun"), "#!/bin/sh\n" + line + "\n");
        return Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwx------"));
    }
}
