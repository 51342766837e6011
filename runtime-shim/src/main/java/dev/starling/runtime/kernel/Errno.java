package dev.starling.runtime.kernel;

import java.util.Arrays;
import java.util.Optional;

/** The error numbers of Linux which are told apart by code or met in practice. The same on x86 and ARM. */
public enum Errno {
    EPERM(1, "operation not permitted"), ENOENT(2, "no such file or directory"), ESRCH(3, "no such process"), EINTR(4, "interrupted"),
    EIO(5, "input/output error"), ENXIO(6, "no such device or address"), E2BIG(7, "argument list too long"),
    ENOEXEC(8, "exec format error"), EBADF(9, "bad file descriptor"), ECHILD(10, "no child processes"),
    EAGAIN(11, "resource temporarily unavailable"), ENOMEM(12, "cannot allocate memory"), EACCES(13, "permission denied"),
    EFAULT(14, "bad address"), ENOTBLK(15, "block device required"), EBUSY(16, "device or resource busy"), EEXIST(17, "file exists"),
    EXDEV(18, "invalid cross-device link"), ENODEV(19, "no such device"), ENOTDIR(20, "not a directory"), EISDIR(21, "is a directory"),
    EINVAL(22, "invalid argument"), ENFILE(23, "too many open files in system"), EMFILE(24, "too many open files"),
    ENOTTY(25, "inappropriate ioctl for device"), ETXTBSY(26, "text file busy"), EFBIG(27, "file too large"),
    ENOSPC(28, "no space left on device"), ESPIPE(29, "illegal seek"), EROFS(30, "read-only file system"), EMLINK(31, "too many links"),
    EPIPE(32, "broken pipe"), ERANGE(34, "numerical result out of range"), ENAMETOOLONG(36, "file name too long"),
    ENOSYS(38, "function not implemented"), ENOTEMPTY(39, "directory not empty"), ELOOP(40, "too many levels of symbolic links"),
    ELIBBAD(80, "accessing a corrupted shared library"), EPROTONOSUPPORT(93, "protocol not supported"),
    EOPNOTSUPP(95, "operation not supported"), ENETUNREACH(101, "network is unreachable"), ETIMEDOUT(110, "connection timed out"),
    ECONNREFUSED(111, "connection refused"), EHOSTDOWN(112, "host is down"), EHOSTUNREACH(113, "no route to host"), ESTALE(116, "stale file handle"),
    EUCLEAN(117, "structure needs cleaning"), EDQUOT(122, "disk quota exceeded");

    private final int number;
    private final String text;

    Errno(int number, String text) {
        this.number = number;
        this.text = text;
    }

    public int number() {
        return number;
    }

    /** Empty where it is none of these. */
    public static Optional<Errno> of(int number) {
        return Arrays.stream(values()).filter(errno -> errno.number == number).findFirst();
    }

    /** As Docker's users know it: {@code permission denied}. */
    public static String text(int number) {
        return of(number).map(errno -> errno.text).orElse("errno " + number);
    }

    /** {@code EACCES (permission denied)} */
    public static String describe(int number) {
        return of(number).map(errno -> errno.name() + " (" + errno.text + ")").orElse("errno " + number);
    }
}
