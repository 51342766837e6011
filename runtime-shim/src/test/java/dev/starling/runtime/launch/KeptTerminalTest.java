package dev.starling.runtime.launch;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.kernel.Kernel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A terminal that is lost must be told as that: any other failure would keep the next agent from starting. What is kept is tested with containers. */
class KeptTerminalTest {
    @TempDir Path directory;

    @ParameterizedTest
    @ValueSource(strings = {"", "\n", "4711", "4711 \n", "a keeper", "99999999999 1"})
    void aFileThatNamesNoProcessIsALostTerminal(String text) throws IOException {
        Files.writeString(directory.resolve("terminal"), text);
        RuntimeShimException lost = assertThrows(RuntimeShimException.class, () -> KeptTerminal.adopt(Kernel.load(), new Bundle("c0ffee", directory)));
        assertTrue(lost.getMessage().contains(directory.resolve("terminal").toString()), lost.getMessage());
    }
}
