package dev.starling.runtime.volume;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.kernel.Flags;
import dev.starling.runtime.kernel.Kernel;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The options of Docker's volume driver {@code local}: a file system to mount on the volume's directory while a container uses it.
 *
 * <pre>
 *   type=tmpfs  device=tmpfs     o=size=100m,uid=1000
 *   type=none   device=/srv/data o=bind
 *   type=nfs    device=:/export  o=addr=nas.lan,rw
 *   type=ext4   device=/dev/sdb1
 * </pre>
 *
 * What can be told without the node is told when the volume, or the service, is made; the rest by the mount. A volume without options is a plain directory.
 */
public final class VolumeOptions {
    /** mount(2) reads one page, and a path is no longer either. */
    private static final int MAX_BYTES = 4095;
    private static final List<String> NAMES = List.of("type", "device", "o", "size");

    /** Turns names into addresses. The kernel knows addresses only. */
    interface Names {
        InetAddress resolve(String name) throws UnknownHostException;
    }

    private final Map<String, String> written;
    private final MountWords words;

    private VolumeOptions(Map<String, String> written, MountWords words) {
        this.written = written;
        this.words = words;
    }

    /** @throws RuntimeShimException INVALID, in Docker's words where it has some */
    public static VolumeOptions of(Map<String, String> written) {
        for (Map.Entry<String, String> option : written.entrySet()) {
            if (!NAMES.contains(option.getKey())) {
                throw RuntimeShimException.invalid("invalid option: \"" + option.getKey() + "\"");
            }
            if (option.getValue().getBytes(StandardCharsets.UTF_8).length > MAX_BYTES) {
                throw RuntimeShimException.invalid("invalid option: \"" + option.getKey() + "\" is longer than " + MAX_BYTES + " bytes, which is all that the kernel reads");
            }
            if (option.getValue().indexOf('\0') >= 0) {
                throw RuntimeShimException.invalid("invalid option: \"" + option.getKey() + "\" has a zero byte in it");
            }
        }
        if (written.containsKey("size")) {
            throw RuntimeShimException.invalid("quota size requested but no quota support (a tmpfs takes its size with o=size=...)");
        }
        if (!written.isEmpty()) {
            for (String name : List.of("type", "device")) {
                if (written.getOrDefault(name, "").isEmpty()) {
                    throw RuntimeShimException.invalid("missing required option: \"" + name + "\"");
                }
            }
        }
        VolumeOptions options = new VolumeOptions(new TreeMap<>(written), MountWords.parse(written.getOrDefault("o", "")));
        options.check();
        return options;
    }

    private void check() {
        if (words.isBind() && !device().startsWith("/")) {
            throw RuntimeShimException.invalid("invalid option: \"device\": \"" + device() + "\" must be an absolute path for a bind");
        }
        if (!isNfs()) {
            return;
        }
        if (!device().contains(":/")) {
            throw RuntimeShimException.invalid("invalid option: \"device\": \"" + device() + "\" is not SERVER:/PATH or :/PATH");
        }
        if (words.value("addr").isEmpty()) {
            throw RuntimeShimException.invalid("missing required option: \"o\" must have addr=SERVER for type=" + type() + ", the kernel does not look it up in device");
        }
    }

    /** Whether there is something to mount. */
    boolean mount() {
        return !written.isEmpty();
    }

    public boolean isReadOnly() {
        return words.isReadOnly();
    }

    /** Of its mount, by mount(8)'s names: for who binds it elsewhere and would lose them. */
    public List<String> flagNames() {
        return words.names();
    }

    boolean isRecursive() {
        return (words.flags() & Flags.MS_REC) != 0;
    }

    private String type() {
        return written.get("type");
    }

    private String device() {
        return written.get("device");
    }

    private boolean isNfs() {
        return written.getOrDefault("type", "").matches("nfs4?");
    }

    /** A server that does not answer may hold this thread for minutes. @throws RuntimeShimException with errno and advice */
    void mountOn(Kernel kernel, String target, Names names) {
        MountWords resolved = words;
        String device = device();
        if (isNfs()) {
            resolved = words.withValue("addr", address(words.value("addr"), target, names));
        }
        if (type().equals("cifs") || type().equals("smb3")) {
            device = withAddress(device, target, names);
        }
        try {
            kernel.mount(device, target, words.isBind() ? null : type(), resolved.flagsAtFirst(), resolved.data().isEmpty() ? null : String.join(",", resolved.data()));
        } catch (RuntimeShimException e) {
            throw MountFailure.of(target, device, type(), resolved, e);
        }
        try {
            if (resolved.flagsAfterBind() != 0) {
                kernel.mount(null, target, null, Flags.MS_REMOUNT | Flags.MS_BIND | resolved.flagsAfterBind(), null);
            }
            if (resolved.propagation() != 0) {
                kernel.mount(null, target, null, resolved.propagation(), null);
            }
        } catch (RuntimeShimException e) {
            kernel.libc().umount2(target, Flags.MNT_DETACH); // what is half as wanted is not handed out
            throw MountFailure.of(target, device, type(), resolved, e);
        }
    }

    /** {@code //server/share} with the address in place of the name. */
    static String withAddress(String device, String target, Names names) {
        if (!device.startsWith("//")) {
            return device;
        }
        int end = device.indexOf('/', 2);
        String server = device.substring(2, end < 0 ? device.length() : end);
        return "//" + address(server, target, names) + (end < 0 ? "" : device.substring(end));
    }

    static String address(String name, String target, Names names) {
        if (name.matches("[0-9.]+") || name.contains(":")) {
            return name;
        }
        try {
            return names.resolve(name).getHostAddress();
        } catch (UnknownHostException e) {
            throw RuntimeShimException.system("error while mounting volume '" + target + "': error resolving passed in network volume address: \"" + name
                    + "\" is not known to this node's name servers", e);
        }
    }

    /** As it was written, for people: {@code type=tmpfs device=tmpfs o=size=1m}; without passwords. */
    static String text(Map<String, String> written) {
        StringBuilder text = new StringBuilder();
        for (String name : NAMES) {
            if (!written.containsKey(name)) {
                continue;
            }
            String value = name.equals("o") ? MountFailure.withoutSecrets(List.of(written.get(name).split(","))) : written.get(name);
            text.append(text.length() == 0 ? "" : " ").append(name).append('=').append(value);
        }
        return text.length() == 0 ? "no options" : text.toString();
    }
}
