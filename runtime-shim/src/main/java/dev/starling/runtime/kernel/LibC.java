package dev.starling.runtime.kernel;

import jnr.ffi.Pointer;
import jnr.ffi.annotations.Encoding;
import jnr.ffi.types.mode_t;
import jnr.ffi.types.size_t;
import jnr.ffi.types.ssize_t;

/**
 * The C library as far as we use it: the only native surface of this module. A Java {@code long} is a C {@code long} here. Variadic
 * functions (open, ioctl, prctl, syscall) are declared with fixed arity, which all our ABIs allow.
 */
public interface LibC {
    int unshare(int flags);

    int setns(int fd, int type);

    int mount(
            @Encoding("UTF-8") String source, @Encoding("UTF-8") String target, @Encoding("UTF-8") String type, long flags,
            @Encoding("UTF-8") String data);

    int umount2(@Encoding("UTF-8") String target, int flags);

    int sethostname(@Encoding("UTF-8") String name, @size_t long length);

    int prctl(int operation, long a, long b, long c, long d);

    int chdir(@Encoding("UTF-8") String path);

    int mkdir(@Encoding("UTF-8") String path, @mode_t int mode);

    int rmdir(@Encoding("UTF-8") String path);

    int rename(@Encoding("UTF-8") String from, @Encoding("UTF-8") String to);

    int unlinkat(int directory, @Encoding("UTF-8") String path, int flags);

    int fchown(int fd, int uid, int gid);

    int chmod(@Encoding("UTF-8") String path, @mode_t int mode);

    int symlink(@Encoding("UTF-8") String target, @Encoding("UTF-8") String path);

    int mkfifo(@Encoding("UTF-8") String path, @mode_t int mode);

    int umask(@mode_t int mask);

    int open(@Encoding("UTF-8") String path, int flags, @mode_t int mode);

    int openat(int directory, @Encoding("UTF-8") String path, int flags, @mode_t int mode);

    int close(int fd);

    @ssize_t long read(int fd, Pointer buffer, @size_t long size);

    @ssize_t long write(int fd, Pointer buffer, @size_t long size);

    int fcntl(int fd, int command, long argument);

    int pipe2(Pointer ends, int flags);

    int poll(Pointer fds, long count, int timeoutMillis);

    int epoll_create1(int flags);

    int epoll_ctl(int epoll, int operation, int fd, Pointer event);

    int epoll_wait(int epoll, Pointer events, int max, int timeoutMillis);

    int eventfd(int initial, int flags);

    int waitpid(int pid, Pointer status, int options);

    int socket(int domain, int type, int protocol);

    int bind(int socket, Pointer address, int size);

    int listen(int socket, int backlog);

    int accept4(int socket, Pointer address, Pointer size, int flags);

    @ssize_t long recvmsg(int socket, Pointer message, int flags);

    int ioctl(int fd, long request, Pointer argument);

    int ioctl(int fd, long request, long argument);

    long syscall(long number, long a, long b, long c, long d, long e, long f);

    int posix_spawn(Pointer pid, @Encoding("UTF-8") String path, Pointer actions, Pointer attributes, Pointer argv, Pointer envp);

    int posix_spawn_file_actions_init(Pointer actions);

    int posix_spawn_file_actions_destroy(Pointer actions);

    int posix_spawn_file_actions_addopen(Pointer actions, int fd, @Encoding("UTF-8") String path, int flags, @mode_t int mode);

    int posix_spawn_file_actions_adddup2(Pointer actions, int fd, int newFd);

    int posix_spawn_file_actions_addclose(Pointer actions, int fd);

    int posix_spawn_file_actions_addfchdir_np(Pointer actions, int fd);

    int posix_spawn_file_actions_addchdir_np(Pointer actions, @Encoding("UTF-8") String path);

    int posix_spawnattr_init(Pointer attributes);

    int posix_spawnattr_setflags(Pointer attributes, short flags);

    int posix_spawnattr_setsigmask(Pointer attributes, Pointer set);

    int posix_spawnattr_setsigdefault(Pointer attributes, Pointer set);

    /** glibc 2.34 and newer. Bound apart, so that its absence is told by a clear error and not by a link failure somewhere. */
    interface CloseFrom {
        int posix_spawn_file_actions_addclosefrom_np(Pointer actions, int from);
    }
}
