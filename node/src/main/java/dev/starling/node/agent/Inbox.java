package dev.starling.node.agent;

import dev.starling.node.core.NodeCore;
import dev.starling.scheduler.model.Time;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiConsumer;

/**
 * What waits for the core, in two lanes: probes and news of members go ahead of state, each lane in its own order. A burst of state that takes
 * seconds to work through would otherwise look like a dead node to everybody.
 */
final class Inbox {
    /** Of each lane. */
    static final int CAPACITY = 8192;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition filled = lock.newCondition();
    private final Condition drained = lock.newCondition();
    private final Deque<BiConsumer<NodeCore, Time>> urgent = new ArrayDeque<>();
    private final Deque<BiConsumer<NodeCore, Time>> ordinary = new ArrayDeque<>();

    /** False where that lane is full. */
    boolean offer(BiConsumer<NodeCore, Time> input, boolean isUrgent) {
        lock.lock();
        try {
            Deque<BiConsumer<NodeCore, Time>> lane = isUrgent ? urgent : ordinary;
            if (lane.size() >= CAPACITY) {
                return false;
            }
            lane.add(input);
            filled.signal();
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** Waits for room among the ordinary ones: false where there was none in time. */
    boolean put(BiConsumer<NodeCore, Time> input, long waitMillis) throws InterruptedException {
        lock.lockInterruptibly();
        try {
            for (long left = TimeUnit.MILLISECONDS.toNanos(waitMillis); ordinary.size() >= CAPACITY; left = drained.awaitNanos(left)) {
                if (left <= 0) {
                    return false;
                }
            }
            ordinary.add(input);
            filled.signal();
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** The next input; null where none came within {@code waitMillis}, which may be 0 or less. */
    BiConsumer<NodeCore, Time> poll(long waitMillis) throws InterruptedException {
        lock.lockInterruptibly();
        try {
            for (long left = TimeUnit.MILLISECONDS.toNanos(waitMillis); urgent.isEmpty() && ordinary.isEmpty(); left = filled.awaitNanos(left)) {
                if (left <= 0) {
                    return null;
                }
            }
            if (!urgent.isEmpty()) {
                return urgent.remove();
            }
            drained.signal();
            return ordinary.remove();
        } finally {
            lock.unlock();
        }
    }

    int size() {
        lock.lock();
        try {
            return urgent.size() + ordinary.size();
        } finally {
            lock.unlock();
        }
    }
}
