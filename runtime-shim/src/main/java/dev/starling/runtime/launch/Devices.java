package dev.starling.runtime.launch;

import static dev.starling.runtime.kernel.Flags.S_IFBLK;
import static dev.starling.runtime.kernel.Flags.S_IFCHR;
import static dev.starling.runtime.kernel.Flags.S_IFMT;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.Security;
import dev.starling.runtime.Security.Device;
import dev.starling.runtime.cgroup.DeviceRule;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * The devices of the host that one container gets besides those that all have ({@code /dev/null} and the like).
 *
 * @param nodes to make in its /dev
 * @param rules for its control group
 */
public record Devices(List<Node> nodes, List<DeviceRule> rules) {
    public static final Devices NONE = new Devices(List.of(), List.of());
    /** As many as one container can have; for a camera or a sound card it takes a dozen. */
    public static final int MAX_NODES = 64;

    /** Of any kind, below a directory that was named: it is walked through at each start. */
    private static final int MAX_FILES = 10_000;
    private static final Pattern ACCESS = Pattern.compile("r?w?m?");
    private static final Path DEV = Path.of("/dev");
    /** Every container has its own of these; what Docker leaves out too. */
    private static final Set<String> OWN = Set.of(
            "null", "zero", "full", "random", "urandom", "tty", "console", "ptmx", "pts", "shm", "mqueue", "fd", "stdin", "stdout", "stderr", "core");

    /**
     * @param target in the container
     * @param mode   its type and permissions, as of stat(2); with owner and group those of the host's
     * @param access of {@code r}, {@code w} and {@code m}
     */
    public record Node(String target, int mode, int major, int minor, int uid, int gid, String access) {
        public char type() {
            return (mode & S_IFMT) == S_IFBLK ? 'b' : 'c';
        }

        /** As mknod(2) takes it. */
        long number() {
            return (minor & 0xffL) | (long) major << 8 | (minor & ~0xffL) << 12;
        }
    }

    /** What can be said without a look at the host. @throws RuntimeShimException INVALID */
    public static void check(List<Device> devices) {
        for (Device device : devices) {
            plainPath(device.source());
            Path target = plainPath(target(device));
            if (!target.startsWith(DEV) || target.equals(DEV)) {
                throw invalid(device.source(), target + " in the container is not below /dev");
            }
            if (OWN.contains(DEV.relativize(target).getName(0).toString())) {
                throw invalid(device.source(), "every container has a " + target + " of its own");
            }
            if (!ACCESS.matcher(device.access()).matches()) {
                throw invalid(device.source(), "its access is of r, w and m in this order, not \"" + device.access() + '"');
            }
        }
    }

    private static Path plainPath(String path) {
        Path plain = path.indexOf('\0') < 0 ? Path.of(path) : Path.of("");
        if (!plain.isAbsolute() || !plain.normalize().toString().equals(path)) {
            throw invalid(path, "is not a plain absolute path");
        }
        return plain;
    }

    private static String target(Device device) {
        return device.target().isEmpty() ? device.source() : device.target();
    }

    /** @throws RuntimeShimException INVALID where one is not there, or no device */
    public static Devices onHost(Security security) {
        check(security.devices());
        if (security.privileged()) {
            return all();
        }
        List<Node> nodes = new ArrayList<>();
        for (Device device : security.devices()) {
            List<Node> found = nodes(Path.of(device.source()), Path.of(target(device)), device.access().isEmpty() ? "rwm" : device.access(), MAX_FILES);
            if (found.isEmpty()) {
                throw invalid(device.source(), "is neither a device nor a directory with any");
            }
            nodes.addAll(found);
            if (nodes.size() > MAX_NODES) {
                throw invalid(device.source(), "brings the container to " + nodes.size() + " devices, and it may have " + MAX_NODES);
            }
        }
        return new Devices(List.copyOf(nodes), nodes.stream().map(node -> new DeviceRule(node.type(), node.major(), node.minor(), node.access())).toList());
    }

    private static Devices all() {
        return new Devices(nodes(DEV, DEV, "rwm", Integer.MAX_VALUE), List.of(DeviceRule.ALL));
    }

    /** Of a directory those below, but what is the containers' own. */
    private static List<Node> nodes(Path source, Path target, String access, int maxFiles) {
        List<Node> nodes = new ArrayList<>();
        try {
            Files.walkFileTree(source.toRealPath(), new SimpleFileVisitor<>() {
                private final Path root = source.toRealPath();
                private int files;

                @Override
                public FileVisitResult preVisitDirectory(Path directory, BasicFileAttributes attributes) {
                    return isOwn(directory) ? FileVisitResult.SKIP_SUBTREE : FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                    if (++files > maxFiles) {
                        throw invalid(source.toString(), "has more than " + maxFiles + " files in it: name one with little but devices");
                    }
                    if (attributes.isOther() && !isOwn(file)) {
                        add(nodes, file, target.resolve(root.relativize(file)).toString(), access);
                    }
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult visitFileFailed(Path file, IOException failure) throws IOException {
                    if (failure instanceof NoSuchFileException) { // it was pulled out just now
                        return FileVisitResult.CONTINUE;
                    }
                    throw failure;
                }
            });
        } catch (NoSuchFileException e) {
            throw invalid(source.toString(), "is not there");
        } catch (IOException e) {
            throw RuntimeShimException.system("look at device " + source + ": " + e, e);
        }
        return nodes;
    }

    private static boolean isOwn(Path path) {
        return path.startsWith(DEV) && !path.equals(DEV) && OWN.contains(DEV.relativize(path).getName(0).toString());
    }

    private static void add(List<Node> nodes, Path file, String target, String access) throws IOException {
        Map<String, Object> status = Files.readAttributes(file, "unix:mode,rdev,uid,gid");
        int mode = (int) status.get("mode");
        if ((mode & S_IFMT) != S_IFCHR && (mode & S_IFMT) != S_IFBLK) { // a socket, such as /dev/log
            return;
        }
        long number = (long) status.get("rdev"); // of stat(2): 8 bits of the minor, 12 of the major, the rest of the minor, the rest of the major
        int major = (int) (number >>> 8 & 0xfff | number >>> 32 & ~0xfffL);
        int minor = (int) (number & 0xff | number >>> 12 & ~0xffL);
        nodes.add(new Node(target, mode, major, minor, (int) status.get("uid"), (int) status.get("gid"), access));
    }

    private static RuntimeShimException invalid(String device, String problem) {
        return RuntimeShimException.invalid("device " + device + ": " + problem);
    }
}
