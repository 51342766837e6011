package dev.starling.runtime.volume;

import static dev.starling.runtime.kernel.Flags.*;

import dev.starling.runtime.RuntimeShimException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What mount(8) takes behind {@code -o}, taken apart as it does: words that are flags of mount(2), words that speak to mount(8) alone, and the rest, which is the
 * file system's own to read. A later word overrules an earlier one.
 *
 * <pre>ro,nosuid,size=10m,uid=1000  ->  MS_RDONLY | MS_NOSUID, data "size=10m,uid=1000"</pre>
 *
 * @param flags       of mount(2) but propagation
 * @param propagation MS_SHARED and its like, which takes a call of its own; 0 for none
 * @param data        for the file system, in order
 */
record MountWords(long flags, long propagation, List<String> data) {
    /** What a bind does not take with its first call: it wants a remount. */
    private static final long OF_A_MOUNT = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOSYMFOLLOW | MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME;

    private static final Map<String, Long> SET = Map.ofEntries(
            Map.entry("ro", MS_RDONLY), Map.entry("nosuid", MS_NOSUID), Map.entry("nodev", MS_NODEV), Map.entry("noexec", MS_NOEXEC),
            Map.entry("nosymfollow", MS_NOSYMFOLLOW), Map.entry("sync", MS_SYNCHRONOUS), Map.entry("dirsync", MS_DIRSYNC), Map.entry("mand", MS_MANDLOCK),
            Map.entry("noatime", MS_NOATIME), Map.entry("nodiratime", MS_NODIRATIME), Map.entry("relatime", MS_RELATIME),
            Map.entry("strictatime", MS_STRICTATIME), Map.entry("lazytime", MS_LAZYTIME), Map.entry("iversion", MS_I_VERSION), Map.entry("silent", MS_SILENT),
            Map.entry("bind", MS_BIND), Map.entry("rbind", MS_BIND | MS_REC));
    private static final Map<String, Long> CLEARED = Map.ofEntries(
            Map.entry("rw", MS_RDONLY), Map.entry("suid", MS_NOSUID), Map.entry("dev", MS_NODEV), Map.entry("exec", MS_NOEXEC), Map.entry("symfollow", MS_NOSYMFOLLOW),
            Map.entry("async", MS_SYNCHRONOUS), Map.entry("nomand", MS_MANDLOCK), Map.entry("atime", MS_NOATIME), Map.entry("diratime", MS_NODIRATIME),
            Map.entry("norelatime", MS_RELATIME), Map.entry("nostrictatime", MS_STRICTATIME), Map.entry("nolazytime", MS_LAZYTIME),
            Map.entry("noiversion", MS_I_VERSION), Map.entry("loud", MS_SILENT));
    private static final Map<String, Long> PROPAGATION = Map.of(
            "private", MS_PRIVATE, "rprivate", MS_PRIVATE | MS_REC, "shared", MS_SHARED, "rshared", MS_SHARED | MS_REC, "slave", MS_SLAVE,
            "rslave", MS_SLAVE | MS_REC, "unbindable", MS_UNBINDABLE, "runbindable", MS_UNBINDABLE | MS_REC);
    /** They tell mount(8) and init when to mount; a volume is mounted when it is used. */
    private static final Set<String> FOR_FSTAB = Set.of("defaults", "auto", "noauto", "_netdev", "nofail");

    /** @throws RuntimeShimException INVALID for words that cannot be done, or would mean nothing */
    static MountWords parse(String options) {
        long flags = 0;
        long propagation = 0;
        List<String> data = new ArrayList<>();
        for (String word : options.split(",")) {
            if (SET.containsKey(word)) {
                flags |= SET.get(word);
            } else if (CLEARED.containsKey(word)) {
                flags &= ~CLEARED.get(word);
            } else if (PROPAGATION.containsKey(word)) {
                propagation = PROPAGATION.get(word);
            } else if (word.equals("remount") || word.equals("move")) {
                throw RuntimeShimException.invalid("invalid option: \"o\": a volume is mounted anew, so it cannot have \"" + word + "\"");
            } else if (word.equals("loop") || word.startsWith("loop=")) {
                throw RuntimeShimException.invalid("invalid option: \"o\": no loop device is made for \"" + word
                        + "\": make one on the node (losetup --find --show FILE) and give it as device");
            } else if (!word.isEmpty() && !FOR_FSTAB.contains(word) && !word.startsWith("x-")) {
                data.add(word);
            }
        }
        MountWords words = new MountWords(flags, propagation, List.copyOf(data));
        if (words.isBind() && !data.isEmpty()) {
            throw RuntimeShimException.invalid("invalid option: \"o\": \"" + MountFailure.withoutSecrets(data) + "\" means nothing where a directory is bound: the file system is mounted already");
        }
        return words;
    }

    boolean isBind() {
        return (flags & MS_BIND) != 0;
    }

    boolean isReadOnly() {
        return (flags & MS_RDONLY) != 0;
    }

    /** Those of a second call, for a bind; 0 for none. */
    long flagsAfterBind() {
        return isBind() ? flags & OF_A_MOUNT : 0;
    }

    long flagsAtFirst() {
        return isBind() ? flags & (MS_BIND | MS_REC | MS_SILENT) : flags;
    }

    /** Of the flags that belong to one mount and not to its file system. */
    List<String> names() {
        List<String> names = new ArrayList<>();
        for (String name : List.of("ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime", "relatime", "strictatime")) {
            if ((flags & SET.get(name)) != 0) {
                names.add(name);
            }
        }
        return names;
    }

    /** The value of {@code KEY=VALUE}; empty where there is none. */
    String value(String key) {
        for (String word : data) {
            if (word.startsWith(key + "=")) {
                return word.substring(key.length() + 1);
            }
        }
        return "";
    }

    MountWords withValue(String key, String value) {
        return new MountWords(flags, propagation, data.stream().map(word -> word.startsWith(key + "=") ? key + "=" + value : word).toList());
    }
}
