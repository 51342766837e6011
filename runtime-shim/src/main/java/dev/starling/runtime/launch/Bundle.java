package dev.starling.runtime.launch;

import dev.starling.runtime.ContainerSpec.Streams;
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
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;

/**
 * A container's directory on the host:
 *
 * <pre>
 *   state.json                     what the runtime knows of it: a line at its start, a line at its end
 *   ID-json.log, .1, .2            its log
 *   stdin stdout stderr            FIFOs it reads from and writes to, unless it has a terminal
 *   terminal                       who keeps its terminal, see {@link KeptTerminal}
 *   volumes/N                      what its image declares as a volume and nobody named
 *   layer.0 ..                     links to the image's layers: short names keep the mount options below a page
 *   upper work                     of the overlay
 * </pre>
 *
 * Its parent is mode 0700: users of the host do not reach into it. In the container's mount namespace, and only there, first a tmpfs with its files (see
 * {@link MemoryFiles}) and then its root are mounted on the directory itself.
 */
public record Bundle(String id, Path directory) {
    private static final int SHORT_ID = 12;
    private static final String LAYER = "layer.";
    private static final String MOUNT_POINTS = "mount-points";

    /** As people know it, and threads are named: 12 characters. */
    public String shortId() {
        return id.substring(0, SHORT_ID);
    }

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

    /** What the container has written over its image. */
    public Path upper() {
        return directory.resolve("upper");
    }

    /**
     * A layer above every image's, made once in the directory two above the bundles: empty files that a container's names are mounted on. Made anew in each
     * container, they would be the greater part of what a start writes to disk.
     */
    public static void makeMountPoints(Path directory) throws IOException {
        Path names = Files.createDirectories(directory.resolve(MOUNT_POINTS).resolve("etc"));
        Files.setPosixFilePermissions(names, PosixFilePermissions.fromString("rwxr-xr-x")); // the container's /etc gets it, whatever our umask is
        for (String name : List.of("hosts", "hostname", "resolv.conf")) {
            if (!Files.exists(names.resolve(name))) {
                Files.createFile(names.resolve(name));
            }
        }
    }

    Path layer(int number) {
        return directory.resolve(LAYER + number);
    }

    /** @param layers lowest first */
    public void create(Kernel kernel, Streams streams, List<Path> layers) {
        try {
            Files.createDirectory(directory);
            for (String name : List.of("upper", "work")) {
                Files.createDirectory(directory.resolve(name));
            }
            for (int i = 0; i < layers.size(); i++) {
                Files.createSymbolicLink(layer(i), layers.get(i).toAbsolutePath());
            }
            if (layers.isEmpty()) {
                Files.createDirectory(layer(0));
            }
        } catch (IOException e) {
            throw RuntimeShimException.system("create " + directory + ": " + e, e);
        }
        if (!streams.tty()) {
            if (streams.openStdin()) {
                fifo(kernel, standardInput(), 0600);
            }
            fifo(kernel, standardOutput(), 0600);
            fifo(kernel, standardError(), 0600);
        }
        mode(kernel, directory.resolve("upper"), 0755); // becomes the mode of the container's root directory
    }

    /** The layers of all bundles below {@code containers}: mounted, or about to be. */
    public static Set<Path> layersBelow(Path containers) {
        Set<Path> layers = new TreeSet<>();
        try (DirectoryStream<Path> links = Files.isDirectory(containers) ? Files.newDirectoryStream(containers) : null) {
            if (links == null) {
                return layers;
            }
            for (Path bundle : links) {
                addLayers(bundle, layers);
            }
        } catch (IOException e) {
            throw RuntimeShimException.system("list " + containers + ": " + e, e);
        }
        return layers;
    }

    private static void addLayers(Path bundle, Set<Path> layers) throws IOException {
        try (DirectoryStream<Path> names = Files.newDirectoryStream(bundle, LAYER + "*")) {
            for (Path name : names) {
                if (Files.isSymbolicLink(name)) {
                    layers.add(Files.readSymbolicLink(name));
                }
            }
        } catch (NoSuchFileException | NotDirectoryException gone) {
            // removed meanwhile
        }
    }

    /**
     * Options for mounting the overlay with the bundle as the working directory. It is volatile: else the container's end would wait until the whole file
     * system of the host is written to disk. Nothing is lost by that, since an upper directory is mounted once and never again: what shall
     * outlive a power cut lies in a volume.
     */
    public static String overlayOptions(int layers) {
        return overlayOptions(layers, "");
    }

    /** @param writable where the bundle's own directories are seen: empty, or with a slash at its end */
    public static String overlayOptions(int layers, String writable) {
        return "lowerdir=../../" + MOUNT_POINTS + ":" + lowerDirectories(layers) + ",upperdir=" + writable + "upper,workdir=" + writable + "work,volatile";
    }

    /** All that lies below, seen from the bundle. */
    public static List<String> lowerPaths(int layers) {
        return List.of(("../../" + MOUNT_POINTS + ":" + lowerDirectories(layers)).split(":"));
    }

    static String lowerOnlyOptions(int layers) {
        return "lowerdir=" + lowerDirectories(layers);
    }

    private static String lowerDirectories(int layers) {
        StringBuilder lower = new StringBuilder();
        for (int i = Math.max(layers, 1) - 1; i >= 0; i--) {
            lower.append(lower.length() == 0 ? "" : ":").append(LAYER).append(i);
        }
        return lower.toString();
    }

    private static void fifo(Kernel kernel, Path path, int mode) {
        kernel.check(kernel.libc().mkfifo(path.toString(), mode), "mkfifo", path.toString());
        mode(kernel, path, mode);
    }

    private static void mode(Kernel kernel, Path path, int mode) {
        kernel.check(kernel.libc().chmod(path.toString(), mode), "chmod", path.toString());
    }

    public void delete() {
        try {
            TreeDeletion.delete(directory);
        } catch (IOException e) {
            throw RuntimeShimException.system("delete " + directory + ": " + e, e);
        }
    }
}
