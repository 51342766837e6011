package dev.starling.runtime.volume;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.RuntimeShimException.Kind;
import dev.starling.runtime.kernel.Kernel;
import java.io.IOException;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What is not to wait for a server that is away. Here it is the name server that answers when the test says so; mount(2) would be waited for in the same way. */
@Timeout(60)
class VolumesInUseTest {
    private static final Map<String, String> NFS = Map.of("type", "nfs", "device", ":/export", "o", "addr=nas.lan");

    @TempDir Path directory;
    private final CountDownLatch answer = new CountDownLatch(1);

    private VolumesInUse volumes() {
        return new VolumesInUse(Kernel.load(), directory, name -> {
            try {
                answer.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            throw new UnknownHostException(name);
        }, Duration.ofMillis(200));
    }

    private static RuntimeShimException refused(VolumesInUse volumes, String container) {
        RuntimeShimException refusal = assertThrows(
                RuntimeShimException.class, () -> volumes.use("films", NFS, Map.of(), container, data -> {}));
        volumes.release(container);
        return refusal;
    }

    @Test
    void aStartDoesNotWaitForEverAndAnotherVolumeNotAtAll() throws Exception {
        VolumesInUse volumes = volumes();
        RuntimeShimException first = refused(volumes, "one");
        assertTrue(first.getMessage().contains("volume films cannot be had within") && first.getMessage().contains("addr=nas.lan"), first.getMessage());
        assertTrue(refused(volumes, "two").getMessage().contains("does not answer"), "the first mount is waited for, there is no second");
        assertNotNull(volumes.use("plain", Map.of(), Map.of(), "three", data -> {}));
        assertEquals(Kind.CONFLICT, assertThrows(RuntimeShimException.class, () -> volumes.remove("films")).kind());
        answer.countDown();
        while (!refused(volumes, "four").getMessage().contains("error resolving")) {
            Thread.sleep(10);
        }
        while (volumes.find("films") != null) {
            remove(volumes);
        }
        assertFalse(Files.exists(directory.resolve("films")));
    }

    /** Those who were turned away are leaving. */
    private static void remove(VolumesInUse volumes) throws InterruptedException {
        try {
            volumes.remove("films");
        } catch (RuntimeShimException e) {
            assertEquals(Kind.CONFLICT, e.kind(), e.getMessage());
            Thread.sleep(10);
        }
    }

    @Test
    void whatIsHalfMadeIsNoVolume() throws IOException {
        Files.createDirectories(directory.resolve(".new-1/_data"));
        VolumesInUse volumes = volumes();
        assertEquals(0, volumes.list().size());
        volumes.sweep();
        assertFalse(Files.exists(directory.resolve(".new-1")));
        volumes.make("kept", NFS, Map.of("a", "b"));
        assertEquals(NFS, new VolumesInUse(Kernel.load(), directory).find("kept").options());
        assertNull(volumes.find("../kept"));
    }

    @Test
    void oneThatCannotBeReadIsNamedAndHidesNoOther() throws IOException {
        VolumesInUse volumes = volumes();
        volumes.make("good", Map.of(), Map.of("a", "b"));
        volumes.make("torn", Map.of(), Map.of("a", "b"));
        Files.writeString(directory.resolve("torn/volume.json"), "{");
        assertEquals(1, volumes.list().size());
        String message = assertThrows(RuntimeShimException.class, () -> volumes.find("torn")).getMessage();
        assertTrue(message.contains(directory.resolve("torn").toString()), message);
    }
}
