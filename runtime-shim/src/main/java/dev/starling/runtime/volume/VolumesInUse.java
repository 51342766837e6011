package dev.starling.runtime.volume;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.kernel.Errno;
import dev.starling.runtime.kernel.Flags;
import dev.starling.runtime.kernel.Kernel;
import dev.starling.runtime.launch.LaunchFailure;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Who uses which named volume, and from that what is mounted: a volume's file system from the first container that uses it to the end of the last, as Docker does.
 *
 * <p>Whether it is mounted, the kernel's table says, not we. Mounts are the agent's mount namespace's: where the next agent has another one (a service of systemd
 * gets a new one at each start), it takes the file system from a container that still has it ({@link MountOfContainer}). A volume that is used, or being
 * mounted, cannot be removed: its removal would delete what is mounted.
 *
 * <p>Locks: {@code this} guards the seats and is held for moments, also by the event loop. A seat's own is held while its volume is mounted, filled, unmounted or
 * removed, and holds only who wants that volume. A server that is away may hold mount(2) for minutes: it is called by a thread of its own, and a start that has
 * waited {@value #PATIENCE_SECONDS} s for it fails, so that the few threads which start containers do not all come to stand there.
 */
public final class VolumesInUse {
    private static final Logger LOG = LoggerFactory.getLogger(VolumesInUse.class);
    /** Mounts over one another. */
    private static final int MAX_STACKED = 8;
    private static final int PATIENCE_SECONDS = 20;

    /**
     * A container.
     *
     * @param pid    of its first process, where an earlier agent started it; 0 where this one did
     * @param target of the volume in it
     */
    record User(int pid, long startTime, String target) {}

    /** There while somebody uses a volume, or is at work on it. */
    private static final class Seat {
        /** By container. Guarded by {@link VolumesInUse}. */
        final Map<String, User> users = new LinkedHashMap<>();
        final ReentrantLock work = new ReentrantLock();
        /** A mount that is being tried, done when it has ended; null for none. Guarded by {@link #work}. */
        CompletableFuture<Void> mounting;
        /** Threads that work on it. Guarded by {@link VolumesInUse}. */
        int working;
        /** Something may be mounted. Guarded by {@link VolumesInUse}. */
        boolean mounts;
    }

    private final Kernel kernel;
    private final VolumeStore store;
    private final Path directory;
    private final VolumeOptions.Names names;
    private final Duration patience;
    /** Guarded by this. */
    private final Map<String, Seat> seats = new HashMap<>();

    /** @param directory of the volumes */
    public VolumesInUse(Kernel kernel, Path directory) {
        this(kernel, directory, InetAddress::getByName, Duration.ofSeconds(PATIENCE_SECONDS));
    }

    VolumesInUse(Kernel kernel, Path directory, VolumeOptions.Names names, Duration patience) {
        this.names = names;
        this.patience = patience;
        this.kernel = kernel;
        this.directory = directory.toAbsolutePath();
        this.store = new VolumeStore(this.directory);
    }

    public List<Volume> list() {
        return store.list();
    }

    /** Null where there is none. */
    public Volume find(String name) {
        return store.find(name);
    }

    /** @throws RuntimeShimException CONFLICT where it is there with other options */
    public Volume make(String name, Map<String, String> options, Map<String, String> labels) {
        return store.make(name, options, labels);
    }

    /**
     * For {@code container}, until {@link #release}: made where it is not there, mounted where it has a file system of its own.
     *
     * @param fill is run with its directory, by one container at a time; not where its file system is read-only
     */
    public Volume use(String name, Map<String, String> options, Map<String, String> labels, String container, Consumer<Path> fill) {
        Seat seat = enter(name);
        try {
            synchronized (this) {
                seat.users.put(container, new User(0, 0, ""));
            }
            if (!seat.work.tryLock(patience.toMillis(), TimeUnit.MILLISECONDS)) {
                throw tooLong(name, "another container's start is at work on it");
            }
            try {
                Volume volume = store.make(name, options, labels);
                VolumeOptions known = VolumeOptions.of(volume.options());
                if (known.mount()) {
                    mount(volume, known, seat);
                }
                if (!known.isReadOnly()) {
                    fill.accept(volume.data());
                }
                return volume;
            } finally {
                seat.work.unlock();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw RuntimeShimException.system("interrupted while waiting for volume " + name, e);
        } finally {
            leave(name, seat);
        }
    }

    private RuntimeShimException tooLong(String name, String why) {
        return RuntimeShimException.system("volume " + name + " cannot be had within " + patience.toMillis() / 1000 + " s: " + why, null);
    }

    private synchronized Seat enter(String name) {
        Seat seat = seats.computeIfAbsent(name, any -> new Seat());
        seat.working++;
        return seat;
    }

    private synchronized void leave(String name, Seat seat) {
        seat.working--;
        if (seat.working == 0 && seat.users.isEmpty()) {
            seats.remove(name);
        }
    }

    /** A running container of an earlier agent uses it. */
    public synchronized void adopt(String name, String container, int pid, long startTime, String target) {
        Seat seat = seats.computeIfAbsent(name, any -> new Seat());
        seat.users.put(container, new User(pid, startTime, target));
        seat.mounts = true;
    }

    private void mount(Volume volume, VolumeOptions options, Seat seat) throws InterruptedException {
        if (seat.mounting != null && !isOver(seat.mounting)) {
            throw stillTried(volume);
        }
        Map<String, User> users;
        synchronized (this) {
            seat.mounts = true;
            users = new LinkedHashMap<>(seat.users);
        }
        String target = mountPoint(volume);
        if (MountTable.of(kernel, "thread-self").has(target)) {
            return;
        }
        for (Map.Entry<String, User> user : users.entrySet()) {
            if (user.getValue().pid() != 0 && new MountOfContainer(kernel, user.getKey(), user.getValue()).bringTo(target, options)) {
                return;
            }
        }
        CompletableFuture<Void> outcome = mountOnItsThread(volume.name(), options, target, seat);
        if (!isOver(outcome) && outcome.completeExceptionally(stillTried(volume))) {
            throw stillTried(volume);
        }
        try {
            outcome.join();
        } catch (CompletionException e) {
            throw LaunchFailure.of(e.getCause());
        }
    }

    private RuntimeShimException stillTried(Volume volume) {
        return tooLong(volume.name(), "the mount with " + VolumeOptions.text(volume.options()) + " has not come back: its server or disk does not answer this node. It is tried still, and the next start takes it if it comes");
    }

    private boolean isOver(CompletableFuture<Void> outcome) throws InterruptedException {
        try {
            outcome.get(patience.toMillis(), TimeUnit.MILLISECONDS);
            return true;
        } catch (ExecutionException failed) {
            return true;
        } catch (TimeoutException late) {
            return false;
        }
    }

    /** @return what comes of it. Who completes that first is not waited for: then what is mounted goes again, if nobody wants it by then */
    private CompletableFuture<Void> mountOnItsThread(String name, VolumeOptions options, String target, Seat seat) {
        CompletableFuture<Void> outcome = new CompletableFuture<>();
        CompletableFuture<Void> over = new CompletableFuture<>();
        seat.mounting = over;
        enter(name);
        start("mount-" + name, () -> {
            boolean heard;
            try {
                options.mountOn(kernel, target, names);
                heard = outcome.complete(null);
            } catch (RuntimeException e) {
                heard = outcome.completeExceptionally(e);
            }
            over.complete(null);
            if (heard) {
                leave(name, seat);
            } else {
                unmountUnused(name, seat);
            }
        });
        return outcome;
    }

    private static void start(String name, Runnable work) {
        Thread thread = new Thread(work, name);
        thread.setDaemon(true);
        thread.start();
    }

    /** As the kernel writes it: links above the volume are followed, the volume's own file system is not touched. */
    private static String mountPoint(Volume volume) {
        try {
            return volume.data().getParent().toRealPath().resolve(volume.data().getFileName()).toString();
        } catch (IOException e) {
            throw RuntimeShimException.system("look at volume " + volume.data() + ": " + e, e);
        }
    }

    /** The container has ended, or its start has failed. Waits for nothing: what nobody uses any more is unmounted by a thread of its own. */
    public synchronized void release(String container) {
        List<String> unused = new ArrayList<>();
        seats.forEach((name, seat) -> {
            if (seat.users.remove(container) != null && seat.users.isEmpty()) {
                unused.add(name);
            }
        });
        for (String name : unused) {
            Seat seat = enter(name);
            if (!seat.mounts) {
                leave(name, seat);
                continue;
            }
            start("unmount-" + name, () -> unmountUnused(name, seat));
        }
    }

    private void unmountUnused(String name, Seat seat) {
        seat.work.lock();
        try {
            synchronized (this) {
                if (!seat.users.isEmpty()) {
                    return;
                }
            }
            Volume volume = store.find(name);
            if (volume != null && VolumeOptions.of(volume.options()).mount()) {
                unmount(volume);
            }
        } catch (RuntimeException e) {
            LOG.warn("volume {} is used by no container and stays mounted until the agent's next start, or its next use: {}", name, e.getMessage());
        } finally {
            seat.work.unlock();
            leave(name, seat);
        }
    }

    /** Lazily: what a hung server or a process of the host still holds is taken out of sight, and goes when it can. */
    private void unmount(Volume volume) {
        String target = mountPoint(volume);
        for (int i = 0; i < MAX_STACKED && MountTable.of(kernel, "thread-self").has(target); i++) {
            if (kernel.libc().umount2(target, Flags.MNT_DETACH) < 0 && kernel.errno() != Errno.EINVAL.number()) {
                throw kernel.failure("unmount volume " + target, kernel.errno());
            }
        }
    }

    /** @throws RuntimeShimException NOT_FOUND, or CONFLICT where a container uses it or something else is mounted in it */
    public void remove(String name) {
        Volume volume = store.find(name);
        if (volume == null) {
            throw RuntimeShimException.notFound("get " + name + ": no such volume");
        }
        Seat seat = claim(name);
        Path taken;
        seat.work.lock();
        try {
            if (VolumeOptions.of(volume.options()).mount()) {
                unmount(volume);
            }
            String place = Path.of(mountPoint(volume)).getParent().toString();
            if (MountTable.of(kernel, "thread-self").hasBelow(place)) {
                throw RuntimeShimException.conflict("remove " + name + ": volume is in use: something is mounted in " + place + " (findmnt); unmount it first, for it would be deleted");
            }
            taken = store.takeAway(volume);
        } finally {
            seat.work.unlock();
            leave(name, seat);
        }
        store.delete(taken);
    }

    /** A seat that nobody has: who comes to use the volume from now on waits, and finds it gone. */
    private synchronized Seat claim(String name) {
        Seat taken = seats.get(name);
        if (taken != null) {
            throw RuntimeShimException.conflict("remove " + name + ": volume is in use - "
                    + (taken.users.isEmpty() ? "it is being mounted, unmounted or removed" : taken.users.keySet().toString()));
        }
        return enter(name);
    }

    /** Once the running containers of an earlier agent are adopted: what it left mounted, and half made. */
    public void sweep() {
        store.sweep();
        for (Volume volume : store.list()) {
            if (volume.options().isEmpty() || isUsed(volume.name())) {
                continue;
            }
            try {
                unmount(volume);
            } catch (RuntimeShimException e) {
                LOG.warn("volume {} is used by no container and stays mounted: {}", volume.name(), e.getMessage());
            }
        }
    }

    private synchronized boolean isUsed(String name) {
        return seats.containsKey(name);
    }
}
