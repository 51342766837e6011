package dev.starling.node.agent;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * Operators' writes that wait for their acknowledgement: on this disk, and where peers are reachable on two more (DESIGN.md section 3).
 * Where fewer answer in time, the write is acknowledged with the copies it has, as long as this node's own disk has it.
 */
final class PendingWrites {
    static final int WANTED_COPIES = 3;
    private static final long PATIENCE_MILLIS = 1_000;
    private static final long DISK_TIMEOUT_MILLIS = 10_000;

    private record Key(String uid, long generation) {}

    private static final class Pending {
        final CompletableFuture<Integer> done = new CompletableFuture<>();
        int wanted;
        int copies;

        Pending(int wanted) {
            this.wanted = wanted;
        }
    }

    private final Map<Key, Pending> pending = new HashMap<>();
    private final ScheduledExecutorService timer;

    PendingWrites(ScheduledExecutorService timer) {
        this.timer = timer;
    }

    /** @param reachable nodes that are up, this one included @return completes with the copies there are */
    synchronized CompletableFuture<Integer> await(String uid, long generation, int reachable) {
        Key key = new Key(uid, generation);
        Pending write = new Pending(Math.min(WANTED_COPIES, Math.max(1, reachable)));
        pending.put(key, write);
        timer.schedule(() -> runOutOfPatience(key, write), PATIENCE_MILLIS, TimeUnit.MILLISECONDS);
        timer.schedule(() -> fail(key, write, "was not written to this node's disk within " + DISK_TIMEOUT_MILLIS / 1000 + " s"),
                DISK_TIMEOUT_MILLIS, TimeUnit.MILLISECONDS);
        return write.done;
    }

    synchronized void replicated(String uid, long generation, int copies) {
        Key key = new Key(uid, generation);
        Pending write = pending.get(key);
        if (write != null) {
            write.copies = Math.max(write.copies, copies);
            if (write.copies >= write.wanted) {
                finish(key, write);
            }
        }
    }

    /** This node's disk refused it: the caller must not be told that it is kept. */
    synchronized void notStored(String uid, long generation, String trouble) {
        Key key = new Key(uid, generation);
        Pending write = pending.get(key);
        if (write != null) {
            fail(key, write, "is not acknowledged: " + trouble + ". Other nodes may have it all the same, and this one tries again");
        }
    }

    private synchronized void runOutOfPatience(Key key, Pending write) {
        write.wanted = 1;
        if (write.copies >= 1) {
            finish(key, write);
        }
    }

    private void finish(Key key, Pending write) {
        pending.remove(key, write);
        write.done.complete(write.copies);
    }

    private synchronized void fail(Key key, Pending write, String why) {
        if (pending.remove(key, write)) {
            write.done.completeExceptionally(new IllegalStateException("the change to " + key.uid() + " " + why));
        }
    }
}
