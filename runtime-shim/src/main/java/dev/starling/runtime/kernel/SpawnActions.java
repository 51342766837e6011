package dev.starling.runtime.kernel;

import jnr.ffi.Pointer;

/** What a spawned process does between vfork and exec: {@code posix_spawn_file_actions_t}, in the order of the calls. */
public final class SpawnActions implements AutoCloseable {
    private static final int OPAQUE_SIZE = 512; // 80 bytes in glibc
    private static final short SETSIGDEF_SETSIGMASK_SETSID = 0x04 | 0x08 | 0x80;

    private final Kernel kernel;
    private final Pointer actions;

    public SpawnActions(Kernel kernel) {
        this.kernel = kernel;
        this.actions = kernel.memory(OPAQUE_SIZE);
        kernel.checkReturned(kernel.libc().posix_spawn_file_actions_init(actions), "posix_spawn_file_actions_init");
    }

    public SpawnActions open(int fd, String path, int flags) {
        kernel.checkReturned(kernel.libc().posix_spawn_file_actions_addopen(actions, fd, path, flags, 0), "posix_spawn_file_actions_addopen");
        return this;
    }

    public SpawnActions duplicate(int fd, int as) {
        kernel.checkReturned(kernel.libc().posix_spawn_file_actions_adddup2(actions, fd, as), "posix_spawn_file_actions_adddup2");
        return this;
    }

    public SpawnActions close(int fd) {
        kernel.checkReturned(kernel.libc().posix_spawn_file_actions_addclose(actions, fd), "posix_spawn_file_actions_addclose");
        return this;
    }

    public SpawnActions closeFrom(int fd) {
        kernel.checkReturned(kernel.closeFrom().posix_spawn_file_actions_addclosefrom_np(actions, fd), "posix_spawn_file_actions_addclosefrom_np");
        return this;
    }

    public SpawnActions changeDirectory(int directory) {
        kernel.checkReturned(kernel.libc().posix_spawn_file_actions_addfchdir_np(actions, directory), "posix_spawn_file_actions_addfchdir_np");
        return this;
    }

    public SpawnActions changeDirectory(String path) {
        kernel.checkReturned(kernel.libc().posix_spawn_file_actions_addchdir_np(actions, path), "posix_spawn_file_actions_addchdir_np");
        return this;
    }

    /** What spawn found out. {@code errno} is 0 where the program runs (or was killed before exec). */
    public record Spawned(int errno, int pid) {}

    /**
     * Spawns in a new session with all signals at their defaults and none blocked: nothing of HotSpot's signal set-up reaches the program.
     *
     * <p>Blocks until exec, as vfork does; the actions may hold it there.
     */
    public Spawned spawn(String path, Kernel.StringArray argv, Kernel.StringArray environment, Pointer attributes) {
        Pointer pid = kernel.memory(8);
        int errno = kernel.libc().posix_spawn(pid, path, actions, attributes, argv.pointer(), environment.pointer());
        java.lang.ref.Reference.reachabilityFence(argv);
        java.lang.ref.Reference.reachabilityFence(environment);
        return new Spawned(errno, pid.getInt(0));
    }

    /** {@code posix_spawnattr_t} for {@link #spawn}; may be shared by threads. */
    public static Pointer attributes(Kernel kernel) {
        Pointer attributes = kernel.memory(OPAQUE_SIZE * 2);
        Pointer all = kernel.memory(128);
        for (int i = 0; i < 128; i++) {
            all.putByte(i, (byte) 0xff);
        }
        kernel.checkReturned(kernel.libc().posix_spawnattr_init(attributes), "posix_spawnattr_init");
        kernel.checkReturned(kernel.libc().posix_spawnattr_setsigdefault(attributes, all), "posix_spawnattr_setsigdefault");
        kernel.checkReturned(kernel.libc().posix_spawnattr_setsigmask(attributes, kernel.memory(128)), "posix_spawnattr_setsigmask");
        kernel.checkReturned(kernel.libc().posix_spawnattr_setflags(attributes, SETSIGDEF_SETSIGMASK_SETSID), "posix_spawnattr_setflags");
        return attributes;
    }

    @Override
    public void close() {
        kernel.libc().posix_spawn_file_actions_destroy(actions);
    }
}
