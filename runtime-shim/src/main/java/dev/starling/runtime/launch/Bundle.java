package dev.starling.runtime.launch;

import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.kernel.Kernel;
import java.io.IOException;
import java.nio.file.Files;
import java.util.TreeSet;
import java.util.Set;
import java.nio.file.DirectoryStream;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A container's directory on the host:
 *
 * <pre>
 *   state.json                     what the runtime knows of it
 *   ID-json.log, .1, .2            its log
 *   hosts hostname resolv.conf     mounted over the image's
 *   stdin stdout stderr            FIFOs it reads from and writes to
 *   volumes/N                      what its image declares as a volume and nobody named
 *   gate/ready gate/go             FIFOs which hold the first process before exec
 *   exec/N/ready, exec/N/go        the same for processes that are added later
 *   layers/0 ..                    links to the image's layers: short names keep the mount options below a page
 *   files                          empty here; in the container's mount namespace a tmpfs with its secrets and configs
 *   upper work root                the overlay; root is its mount point, used in the container's mount namespace only
 * </pre>
 *
 * Its parent is mode 0700: users of the host do not reach into it. The gate alone is opened to all, since the held process may have
 * any user id; it gets there by a descriptor.
 */
public record Bundle(String id, Path directory) {
    private static final String STANDARD_HOSTS = """
            127.0.0.1\tlocalhost
            ::1\tlocalhost ip6-localhost ip6-loopback
            fe00::0\tip6-localnet
            ff00::0\tip6-mcastprefix
            ff02::1\tip6-allnodes
            ff02::2\tip6-allrouters
            """;

    public Path stateFile() {
        return directory.resolve("state.json");
    }

    public Path logFile() {
        return directory.resolve(id + "-json.log");
    }

    public Path standardOutput() {
        return directory.resolve("stdout");
    }

    public Path standardError() {
        return directory.resolve("stderr");
    }

    /** There where the spec asks for an open standard input. */
    public Path standardInput() {
        return directory.resolve("stdin");
    }

    /** Volumes of this container alone; they go with it. */
    public Path volumes() {
        return directory.resolve("volumes");
    }

    public Path gate() {
        return directory.resolve("gate");
    }

    /** @param layers lowest first */
    public void create(Kernel kernel, ContainerSpec spec, String hostname, List<Path> layers) {
        try {
            Files.createDirectory(directory);
            for (String name : List.of("layers", "files", "upper", "work", "root", "gate", "exec")) Files.createDirectory(directory.resolve(name));
            for (int i = 0; i < layers.size(); i++) Files.createSymbolicLink(directory.resolve("layers").resolve("" + i), layers.get(i).toAbsolutePath());
            if (layers.isEmpty()) Files.createDirectory(directory.resolve("layers").resolve("0"));
            Files.writeString(directory.resolve("hostname"), hostname + "\n");
            Files.writeString(directory.resolve("hosts"), hosts(spec));
            Files.writeString(directory.resolve("resolv.conf"), resolvConf(spec.dns()));
        } catch (IOException e) {
            throw RuntimeShimException.system("create " + directory + ": " + e, e);
        }
        if (spec.openStdin()) fifo(kernel, standardInput(), 0600);
        fifo(kernel, standardOutput(), 0600);
        fifo(kernel, standardError(), 0600);
        furnishGate(kernel, gate());
        mode(kernel, directory.resolve("upper"), 0755); // becomes the mode of the container's root directory
    }

    /** @param directory is there; the process that passes may have any user id */
    static void furnishGate(Kernel kernel, Path directory) {
        fifo(kernel, directory.resolve("ready"), 0666);
        fifo(kernel, directory.resolve("go"), 0666);
        mode(kernel, directory, 0711);
    }

    /** Gates of processes that were added later ({@code docker exec}); each is there for the moment of its start only. */
    public Path execGates() {
        return directory.resolve("exec");
    }

    /** The layers of all bundles below {@code containers}: mounted, or about to be. */
    public static Set<Path> layersBelow(Path containers) {
        Set<Path> layers = new TreeSet<>();
        try (DirectoryStream<Path> links = Files.isDirectory(containers) ? Files.newDirectoryStream(containers) : null) {
            if (links == null) {
                return layers;
            }
            for (Path bundle : links) {
                if (Files.isDirectory(bundle.resolve("layers"))) {
                    addLayers(bundle.resolve("layers"), layers);
                }
            }
        } catch (IOException e) {
            throw RuntimeShimException.system("list " + containers + ": " + e, e);
        }
        return layers;
    }

    private static void addLayers(Path links, Set<Path> layers) throws IOException {
        try (DirectoryStream<Path> names = Files.newDirectoryStream(links)) {
            for (Path name : names) {
                if (Files.isSymbolicLink(name)) {
                    layers.add(Files.readSymbolicLink(name));
                }
            }
        } catch (NoSuchFileException | NotDirectoryException gone) {
            // removed meanwhile
        }
    }

    /** Options for mounting the overlay with the bundle as the working directory. */
    public static String overlayOptions(int layers) {
        return lowerOnlyOptions(layers) + ",upperdir=upper,workdir=work";
    }

    static String lowerOnlyOptions(int layers) {
        StringBuilder lower = new StringBuilder();
        for (int i = Math.max(layers, 1) - 1; i >= 0; i--) lower.append(lower.length() == 0 ? "" : ":").append("layers/").append(i);
        return "lowerdir=" + lower;
    }

    private static void fifo(Kernel kernel, Path path, int mode) {
        kernel.check(kernel.libc().mkfifo(path.toString(), mode), "mkfifo", path.toString());
        mode(kernel, path, mode);
    }

    private static void mode(Kernel kernel, Path path, int mode) {
        kernel.check(kernel.libc().chmod(path.toString(), mode), "chmod", path.toString());
    }

    private static String hosts(ContainerSpec spec) {
        StringBuilder text = new StringBuilder(STANDARD_HOSTS);
        for (String line : spec.hosts()) text.append(line).append('\n');
        return text.toString();
    }

    /** Without servers: the host's, less those on a loopback address, which is another one in the container. */
    private static String resolvConf(ContainerSpec.Dns dns) throws IOException {
        List<String> lines = new ArrayList<>();
        for (String server : dns.servers()) lines.add("nameserver " + server);
        if (dns.servers().isEmpty()) {
            for (String line : hostResolvConf()) {
                boolean nameserver = line.startsWith("nameserver");
                if (nameserver && !line.contains(" 127.") && !line.contains("::1")) lines.add(line);
                if (line.startsWith("search") && dns.search().isEmpty() || line.startsWith("options") && dns.options().isEmpty()) lines.add(line);
            }
        }
        if (!dns.search().isEmpty()) lines.add("search " + String.join(" ", dns.search()));
        if (!dns.options().isEmpty()) lines.add("options " + String.join(" ", dns.options()));
        return lines.isEmpty() ? "" : String.join("\n", lines) + "\n";
    }

    private static List<String> hostResolvConf() throws IOException {
        try {
            return Files.readAllLines(Path.of("/etc/resolv.conf"), java.nio.charset.StandardCharsets.ISO_8859_1);
        } catch (NoSuchFileException e) {
            return List.of();
        }
    }

    public void delete() {
        try {
            TreeDeletion.delete(directory);
        } catch (IOException e) {
            throw RuntimeShimException.system("delete " + directory + ": " + e, e);
        }
    }
}
