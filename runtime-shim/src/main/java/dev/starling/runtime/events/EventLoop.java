package dev.starling.runtime.events;

import dev.starling.runtime.kernel.Architecture;
import dev.starling.runtime.kernel.Descriptor;
import dev.starling.runtime.kernel.Errno;
import dev.starling.runtime.kernel.Flags;
import dev.starling.runtime.kernel.Kernel;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.Queue;
import jnr.ffi.Pointer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One thread and one epoll for everything that containers do by themselves: writing to their logs and ending.
 *
 * <p>Handlers run on that thread, one at a time; so what only they touch needs no lock. A handler may be called once more than there is
 * something to read (its descriptor's number may have been another's a moment before), so it reads without blocking.
 */
public final class EventLoop implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(EventLoop.class);
    private static final int MAX_EVENTS = 64;
    private static final int CLOSE_TIMEOUT_MILLIS = 30_000;
    private static final int EFD_NONBLOCK_CLOEXEC = 04000 | 02000000;

    private final Kernel kernel;
    private final Descriptor epoll;
    private final Descriptor wake;
    private final int eventSize;
    private final int dataOffset;
    private final Thread thread;
    /** Touched by the loop's thread only. */
    private final Map<Integer, Runnable> handlers = new HashMap<>();
    /** Guarded by itself, with {@link #closing}. Without a bound of its own: whoever adds to it waits for the outcome, or has one change of one container to tell. */
    private final Queue<Runnable> tasks = new ArrayDeque<>();
    private boolean closing;

    public EventLoop(Kernel kernel, String name) {
        this.kernel = kernel;
        Architecture architecture = kernel.architecture();
        this.eventSize = architecture.epollEventSize();
        this.dataOffset = architecture.epollDataOffset();
        this.epoll = new Descriptor(kernel, kernel.check(kernel.libc().epoll_create1(Flags.O_CLOEXEC), "epoll_create1"));
        this.wake = new Descriptor(kernel, kernel.check(kernel.libc().eventfd(0, EFD_NONBLOCK_CLOEXEC), "eventfd"));
        this.thread = new Thread(this::run, name);
        thread.setDaemon(true);
        control(Flags.EPOLL_CTL_ADD, wake, Flags.EPOLLIN);
        thread.start();
    }

    /** Runs {@code task} on the loop's thread. @return false where the loop is closing, and the task will not run */
    public boolean execute(Runnable task) {
        synchronized (tasks) {
            if (closing) {
                return false;
            }
            tasks.add(task);
        }
        wakeUp();
        return true;
    }

    /** On the loop's thread: calls {@code ready} each time there is something to read. */
    public void watch(Descriptor file, Runnable ready) {
        watch(file, Flags.EPOLLIN, ready);
    }

    /** On the loop's thread: calls {@code ready} each time there is room to write, or nobody left to read it. */
    public void watchWritable(Descriptor file, Runnable ready) {
        watch(file, Flags.EPOLLOUT, ready);
    }

    private void watch(Descriptor file, int events, Runnable ready) {
        requireLoopThread();
        control(Flags.EPOLL_CTL_ADD, file, events);
        handlers.put(file.number(), ready);
    }

    /** On the loop's thread, before {@code file} is closed. */
    public void unwatch(Descriptor file) {
        requireLoopThread();
        if (handlers.remove(file.number()) != null) {
            control(Flags.EPOLL_CTL_DEL, file, 0);
        }
    }

    private void control(int operation, Descriptor file, int events) {
        Pointer event = kernel.memory(eventSize);
        event.putInt(0, events);
        event.putInt(dataOffset, file.number());
        kernel.check(kernel.libc().epoll_ctl(epoll.number(), operation, file.number(), event), "epoll_ctl " + operation);
    }

    private void requireLoopThread() {
        if (Thread.currentThread() != thread) {
            throw new IllegalStateException("not on the thread of the event loop");
        }
    }

    private void wakeUp() {
        Pointer one = kernel.memory(8);
        one.putLong(0, 1);
        kernel.libc().write(wake.number(), one, 8); // a full counter wakes as well
    }

    private void run() {
        Pointer events = kernel.memory(eventSize * MAX_EVENTS);
        Pointer counter = kernel.memory(8);
        while (true) {
            int count = kernel.libc().epoll_wait(epoll.number(), events, MAX_EVENTS, -1);
            if (count < 0) {
                if (kernel.errno() == Errno.EINTR.number()) {
                    continue;
                }
                throw kernel.failure("epoll_wait", kernel.errno());
            }
            for (int i = 0; i < count; i++) {
                int fd = events.getInt((long) i * eventSize + dataOffset);
                if (fd == wake.number()) {
                    kernel.libc().read(fd, counter, 8);
                } else {
                    call(handlers.get(fd));
                }
            }
            for (Runnable task = nextTask(); task != null; task = nextTask()) {
                call(task);
            }
            synchronized (tasks) {
                if (closing && tasks.isEmpty()) {
                    return;
                }
            }
        }
    }

    private Runnable nextTask() {
        synchronized (tasks) {
            return tasks.poll();
        }
    }

    private static void call(Runnable handler) {
        if (handler == null) {
            return;
        }
        try {
            handler.run();
        } catch (Throwable e) { // also an error: with this thread all sight of the containers would be lost
            LOG.error("a container event could not be handled", e);
        }
    }

    /** Runs what was handed in before, then ends the thread. Waits for that, for a while. */
    @Override
    public void close() {
        synchronized (tasks) {
            if (closing) {
                return;
            }
            closing = true;
        }
        wakeUp();
        try {
            thread.join(CLOSE_TIMEOUT_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (thread.isAlive()) {
            LOG.error("{} is still at work, and is left alone: a disk that hangs?", thread.getName());
            return; // with what it uses
        }
        wake.close();
        epoll.close();
    }
}
