package dev.starling.gossip.transport;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Given a link that carries so much and is so long, then so much is under way. */
class SendWindowTest {
    private static final int PART = SendWindow.PART_BYTES + Frame.OVERHEAD_BYTES;
    private final SendWindow window = new SendWindow();
    private long now = 1;
    private long sum;
    private long taken;

    /** Sends as the window lets it, over a link that takes {@code bytesPerSecond} and {@code roundTripMillis}. @return most bytes under way */
    private long run(long bytesPerSecond, long roundTripMillis, int parts) {
        java.util.ArrayDeque<long[]> answers = new java.util.ArrayDeque<>();
        long linkFree = now;
        long most = 0;
        for (int sent = 0; sent < parts || !answers.isEmpty(); ) {
            if (sent < parts && window.admits(PART)) {
                window.sent(PART, now);
                sum += PART;
                sent++;
                linkFree = Math.max(linkFree, now) + PART * TimeUnit.SECONDS.toNanos(1) / bytesPerSecond;
                answers.add(new long[] {linkFree + TimeUnit.MILLISECONDS.toNanos(roundTripMillis), sum});
                most = sent > parts / 2 ? Math.max(most, sum - taken) : most;
            } else {
                long[] answer = answers.remove();
                now = Math.max(now, answer[0]);
                taken = answer[1];
                window.taken(taken, now);
            }
        }
        return most;
    }

    @Test
    void aSlowLinkHasNoQueue() {
        long most = run(128 * 1024, 5, 200);
        assertTrue(most <= 4 * PART, most + " bytes under way");
    }

    @Test
    void aFastLinkIsFilled() {
        assertTrue(run(100L << 20, 1, 2_000) >= 256 * 1024);
        long begun = now;
        run(100L << 20, 1, 1_000);
        assertTrue(now - begun < TimeUnit.MILLISECONDS.toNanos(160), "8 MB at 100 MB/s took " + (now - begun) / 1e6 + " ms");
    }

    @Test
    void aLongLinkIsUsedTheFarthestItCan() {
        long most = run(10L << 20, 300, 2_000);
        assertTrue(most >= 400 * 1024, most + " bytes under way");
    }

    @Test
    void aLinkThatBecomesSlowIsGivenLess() {
        run(100L << 20, 1, 500);
        long most = run(128 * 1024, 5, 400);
        assertTrue(most <= 8 * PART, most + " bytes under way");
    }

    @Test
    void sumsThatMakeNoSenseChangeNothing() {
        window.sent(PART, 1);
        window.taken(Long.MAX_VALUE, 2);
        window.taken(-1, 2);
        assertEquals(false, window.admits(PART), "nothing was taken");
        window.taken(PART, 2);
        assertEquals(true, window.admits(PART));
    }
}
