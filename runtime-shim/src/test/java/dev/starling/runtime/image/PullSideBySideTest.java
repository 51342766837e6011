package dev.starling.runtime.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.runtime.image.Archives.Tar;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a pull does at a time, and what it believes of what lies about from an earlier one. */
@Timeout(30)
class PullSideBySideTest extends PullForEachTest {
    private static final byte[] LOWER = new Tar().file("hello", "hello").toBytes();
    private static final byte[] UPPER = new Tar().file("other", "second").toBytes();

    private void pull(PullProgress progress) throws Exception {
        List<Path> layers = store.layerDirectories(puller.pull(registry.host() + "/app:1", RegistryCredentials.NONE, progress));
        assertEquals("hello", Files.readString(layers.get(0).resolve("hello")));
        assertEquals("second", Files.readString(layers.get(1).resolve("other")));
    }

    @Test
    void aLayerIsUnpackedWhileThatBelowItIsStillOnItsWay() throws Exception {
        registry.image("app", "1", LOWER, UPPER);
        CountDownLatch lower = new CountDownLatch(1);
        registry.held.put(Digest.of(Archives.gzip(LOWER)).toString(), lower);
        Digest upper = Digest.of(Archives.gzip(UPPER));
        pull((layer, step, current, total) -> {
            if (layer.equals(upper) && step == PullProgress.Step.COMPLETE) {
                lower.countDown();
            }
        });
    }

    /** A power cut may leave a file's name and length on disk, and not its content: downloads are not brought to disk before the store has them. */
    @Test
    void wholeDownloadsOfAnEarlierProcessAreHeldAgainstTheirDigests() throws Exception {
        registry.image("app", "1", LOWER, UPPER);
        for (String digest : registry.blobs.keySet()) {
            Files.write(home.resolve("downloads").resolve(digest.substring(7)), new byte[registry.blobs.get(digest).length]);
        }
        pull(PullProgress.NONE);
        assertTrue(registry.requests.stream().filter(request -> request.contains("/blobs/")).count() == 3, registry.requests.toString());
    }

    @Test
    void wholeDownloadsThatAreRightAreNotFetchedAgain() throws Exception {
        registry.image("app", "1", LOWER, UPPER);
        for (String digest : registry.blobs.keySet()) {
            Files.write(home.resolve("downloads").resolve(digest.substring(7)), registry.blobs.get(digest));
        }
        pull(PullProgress.NONE);
        assertEquals(List.of(), registry.requests.stream().filter(request -> request.contains("/blobs/")).toList());
    }
}
