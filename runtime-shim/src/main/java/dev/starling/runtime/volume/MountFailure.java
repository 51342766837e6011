package dev.starling.runtime.volume;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.kernel.Errno;
import java.util.List;
import java.util.stream.Collectors;

/** A volume's mount that failed: what was mounted how, the kernel's errno, and what the operator can do about it. The kernel tells more to its own log only. */
final class MountFailure {
    private static final String KERNEL_LOG = "; the node's kernel log may say more (dmesg)";

    private MountFailure() {}

    static RuntimeShimException of(String target, String device, String type, MountWords words, RuntimeShimException cause) {
        String message = "error while mounting volume '" + target + "': failed to mount local volume: mount " + device + ":" + target + ", type: " + type
                + ", flags: 0x" + Long.toHexString(words.flags()) + (words.data().isEmpty() ? "" : ", data: " + withoutSecrets(words.data()))
                + ": " + Errno.describe(cause.errno()) + Errno.of(cause.errno()).map(errno -> advice(errno, type, words)).orElse(KERNEL_LOG);
        return new RuntimeShimException(RuntimeShimException.Kind.SYSTEM, message, cause.errno(), cause);
    }

    static String withoutSecrets(List<String> data) {
        return data.stream().map(word -> word.matches("(?i)(password2?|pass)=.*") ? word.substring(0, word.indexOf('=') + 1) + "********" : word)
                .collect(Collectors.joining(","));
    }

    private static String advice(Errno errno, String type, MountWords words) {
        return switch (errno) {
            case ENODEV -> type.equals("none") ? "; type=none goes with o=bind or o=rbind"
                    : "; this node's kernel has no file system \"" + type + "\": load its module (modprobe " + type + ") or see /proc/filesystems";
            case ENOENT -> words.isBind() ? "; the directory is not there on this node: make it, or keep the service to nodes that have it (--constraint)"
                    : "; the device, or the directory that the server exports, is not there";
            case ENOTBLK -> "; a file system of type " + type + " needs a block device: for a file, make one on the node (losetup --find --show FILE)";
            case ENOTDIR -> "; only a directory can be mounted on a volume";
            case EBUSY -> "; the device is in use otherwise on this node (findmnt, lsblk)";
            case EACCES, EPERM -> "; the server or the device refuses this node: see its exports, or whether it is read-only (o=ro)";
            case EINVAL -> "; there is no file system of type " + type + " on it, or it does not know one of the options: the node's kernel log says which (dmesg)";
            case ETIMEDOUT, ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EHOSTDOWN -> "; the server does not answer this node";
            default -> KERNEL_LOG;
        };
    }
}
