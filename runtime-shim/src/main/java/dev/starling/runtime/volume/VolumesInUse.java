package dev.starling.runtime.volume;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.kernel.Errno;
import dev.starling.runtime.kernel.Flags;
import dev.starling.runtime.kernel.Kernel;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
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
 * removed, which may take as long as a server or disk likes, and holds only who wants that volume.
 */
public final class VolumesInUse {
    private static final Logger LOG = LoggerFactory.getLogger(VolumesInUse.class);
    /** Mounts over one another. */
    private static final int MAX_STACKED = 8;

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
        /** Threads that work on it. Guarded by {@link VolumesInUse}. */
        int working;
        /** Something may be mounted. Guarded by {@link VolumesInUse}. */
        boolean mounts;
    }

    private final Kernel kernel;
    private final VolumeStore store;
    private final Path directory;
    private final VolumeOptions.Names names = InetAddress::getByName;
    /** Guarded by this. */
    private final Map<String, Seat> seats = new HashMap<>();

    /** @param directory of the volumes */
    public VolumesInUse(Kernel kernel, Path directory) {
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
            synchronized (seat) {
                Volume volume = store.make(name, options, labels);
                VolumeOptions known = VolumeOptions.of(volume.options());
                if (known.mount()) mount(volume, known, seat);
                if (!known.isReadOnly()) fill.accept(volume.data());
                return volume;
            }
        } finally {
            leave(name, seat);
        }
    }

    private synchronized Seat enter(String name) {
        Seat seat = seats.computeIfAbsent(name, any -> new Seat());
        seat.working++;
        return seat;
    }

    private synchronized void leave(String name, Seat seat) {
        seat.working--;
        if (seat.working == 0 && seat.users.isEmpty()) seats.remove(name);
    }

    /** A running container of an earlier agent uses it. */
    public synchronized void adopt(String name, String container, int pid, long startTime, String target) {
        Seat seat = seats.computeIfAbsent(name, any -> new Seat());
        seat.users.put(container, new User(pid, startTime, target));
        seat.mounts = true;
    }

    private void mount(Volume volume, VolumeOptions options, Seat seat) {
        Map<String, User> users;
        synchronized (this) {
            seat.mounts = true;
            users = new LinkedHashMap<>(seat.users);
        }
        String target = mountPoint(volume);
        if (MountTable.of(kernel, "thread-self").has(target)) return;
        for (Map.Entry<String, User> user : users.entrySet()) {
            if (user.getValue().pid() != 0 && new MountOfContainer(kernel, user.getKey(), user.getValue()).bringTo(target, options)) return;
        }
        options.mountOn(kernel, target, names);
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
            if (seat.users.remove(container) != null && seat.users.isEmpty()) unused.add(name);
        });
        for (String name : unused) {
            Seat seat = enter(name);
            if (!seat.mounts) {
                leave(name, seat);
                continue;
            }
            Thread thread = new Thread(() -> unmountUnused(name, seat), "unmount-" + name);
            thread.setDaemon(true);
            thread.start();
        }
    }

    private void unmountUnused(String name, Seat seat) {
        try {
            synchronized (seat) {
                synchronized (this) {
                    if (!seat.users.isEmpty()) return;
                }
                Volume volume = store.find(name);
                if (volume != null && VolumeOptions.of(volume.options()).mount()) unmount(volume);
            }
        } catch (RuntimeException e) {
            LOG.warn("volume {} is used by no container and stays mounted until the agent's next start, or its next use: {}", name, e.getMessage());
        } finally {
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
        if (volume == null) throw RuntimeShimException.notFound("get " + name + ": no such volume");
        Seat seat = claim(name);
        Path taken;
        try {
            synchronized (seat) {
                if (VolumeOptions.of(volume.options()).mount()) unmount(volume);
                String place = Path.of(mountPoint(volume)).getParent().toString();
                if (MountTable.of(kernel, "thread-self").hasBelow(place)) {
                    throw RuntimeShimException.conflict("remove " + name + ": volume is in use: something is mounted in " + place + " (findmnt); unmount it first, for it would be deleted");
                }
                taken = store.takeAway(volume);
            }
        } finally {
            leave(name, seat);
        }
        store.delete(taken);
    }

    /** A seat that nobody has: who comes to use the volume from now on waits, and finds it gone. */
    private synchronized Seat claim(String name) {
        Seat taken = seats.get(name);
        if (taken != null) {
            throw RuntimeShimException.conflict("remove " + name + ": volume is in use - "
                    + (taken.users.isEmpty() ? "it is being unmounted or removed" : taken.users.keySet().toString()));
        }
        return enter(name);
    }

    /** Once the running containers of an earlier agent are adopted: what it left mounted, and half made. */
    public void sweep() {
        store.sweep();
        for (Volume volume : store.list()) {
            if (volume.options().isEmpty() || isUsed(volume.name())) continue;
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
