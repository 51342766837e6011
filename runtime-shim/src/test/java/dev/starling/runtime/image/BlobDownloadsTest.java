package dev.starling.runtime.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(300)
class BlobDownloadsTest {
    private static final byte[] BLOB = new byte[300_000];
    private static final int CAME = 100_000;
    private static final BlobDownloads.Wanted WANTED = new BlobDownloads.Wanted(RegistryReference.parse("registry.example/app:1"), Digest.of(BLOB), BLOB.length);

    @TempDir
    Path directory;

    /** A source of blobs alone. */
    private interface Blobs extends ImageSource {
        @Override
        default byte[] manifest(RegistryReference reference) {
            throw new AssertionError("not expected");
        }
    }

    private Path fetch(Blobs source) throws Exception {
        CompletableFuture<Path> file = new BlobDownloads(directory)
                .fetch(WANTED, List.of(source), PullProgress.NONE, work -> new Thread(work, "download").start());
        return file.get(90, TimeUnit.SECONDS);
    }

    /** As the downloads' threads are when the agent ends; a link that is paid for by the byte must not carry it all again. */
    @Test
    void whatHasComeWhenTheAgentEndsIsThereForTheNextOne() throws Exception {
        Blobs interrupted = (repository, digest, offset) -> new ByteArrayInputStream(BLOB) {
            @Override
            public int read(byte[] target, int from, int length) {
                if (pos >= CAME) {
                    Thread.currentThread().interrupt();
                }
                return super.read(target, from, Math.min(length, pos < CAME ? CAME - pos : length));
            }
        };
        assertThrows(ExecutionException.class, () -> fetch(interrupted));
        long[] askedFrom = new long[1];
        Path whole = fetch((repository, digest, offset) -> {
            askedFrom[0] = offset;
            return rest(offset);
        });
        assertEquals(CAME, askedFrom[0]);
        assertArrayEquals(BLOB, Files.readAllBytes(whole));
    }

    private static InputStream rest(long offset) {
        return new ByteArrayInputStream(Arrays.copyOfRange(BLOB, (int) offset, BLOB.length));
    }

    /** A link without an end is listed, and not there for who looks: as a file that is renamed between the two. */
    @Test
    void aSweepDoesNotFailForWhatGoesMeanwhile() throws Exception {
        Files.createSymbolicLink(directory.resolve("gone.new"), directory.resolve("nowhere"));
        Path old = Files.createFile(directory.resolve(Digest.of(BLOB).hex() + ".part"));
        new BlobDownloads(directory).sweep(Instant.now().plusSeconds(10), Duration.ZERO);
        assertTrue(Files.notExists(old), "what was given up goes all the same");
    }
}
