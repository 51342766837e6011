package dev.starling.runtime.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.Security;
import dev.starling.runtime.Security.Device;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@link Devices} makes of hostile or careless paths, before there is a container. */
class DevicesOfHostTest {
    @TempDir
    Path directory;

    private static RuntimeShimException refusal(String source, String target) {
        Security security = Security.DEFAULT.withDevices(List.of(new Device(source, target, "")));
        RuntimeShimException refusal = assertThrows(RuntimeShimException.class, () -> Devices.onHost(security));
        assertEquals(RuntimeShimException.Kind.INVALID, refusal.kind());
        return refusal;
    }

    @Test
    void aPathThatNoFileSystemTakesIsNoPath() {
        assertEquals("device /dev/a\0b: is not a plain absolute path", refusal("/dev/a\0b", "").getMessage());
        assertEquals("device /dev/b\0: is not a plain absolute path", refusal("/dev/null", "/dev/b\0").getMessage());
    }

    @Test
    void aDirectoryOfOtherThingsIsNotWalkedThroughToItsEnd() throws IOException {
        for (int i = 0; i <= 10_000; i++) {
            Files.createFile(directory.resolve("file" + i));
        }
        assertEquals("device " + directory + ": has more than 10000 files in it: name one with little but devices", refusal(directory.toString(), "/dev/many").getMessage());
    }
}
