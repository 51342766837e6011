package dev.starling.node.host;

import dev.starling.node.api.HostInfo;
import dev.starling.scheduler.model.Platform;
import dev.starling.scheduler.model.Resources;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What this machine is, read from /proc and /etc once at start. */
public record HostFacts(String kernelVersion, String operatingSystem, String osVersion, String architecture, int cpus, long memoryBytes,
        boolean cgroupV2) {
    private static final long NANOS_PER_CPU = 1_000_000_000L;

    public static HostFacts read() {
        return new HostFacts(firstLine(Path.of("/proc/sys/kernel/osrelease")), osRelease("PRETTY_NAME", "Linux"), osRelease("VERSION_ID", ""),
                dockerArchitecture(System.getProperty("os.arch")), Runtime.getRuntime().availableProcessors(), memory(),
                Files.exists(Path.of("/sys/fs/cgroup/cgroup.controllers")));
    }

    public Platform platform() {
        return new Platform("linux", architecture);
    }

    public Resources capacity() {
        return new Resources(cpus * NANOS_PER_CPU, memoryBytes);
    }

    public HostInfo info(String hostname, String version, String commit, Path dataDirectory, List<String> warnings, List<String> labels,
            HostInfo.Runtime runtime) {
        return new HostInfo(hostname, version, commit, kernelVersion, operatingSystem, osVersion, architecture, cpus, memoryBytes,
                dataDirectory.toString(), cgroupV2 ? "2" : "1", "cgroupfs", warnings, labels, runtime);
    }

    /** Kernel features that are missing, in a line each. */
    public List<String> warnings() {
        List<String> missing = new ArrayList<>();
        if (!fileMentions(Path.of("/proc/filesystems"), "overlay")) {
            missing.add("WARNING: the kernel has no overlayfs (module overlay): containers cannot start");
        }
        return missing;
    }

    /** As {@code uname -m} writes it, which is what Docker shows. */
    private static String dockerArchitecture(String javaName) {
        return switch (javaName.toLowerCase(Locale.ROOT)) {
            case "amd64", "x86_64" -> "x86_64";
            case "aarch64", "arm64" -> "aarch64";
            case "arm" -> "armv7l";
            default -> javaName;
        };
    }

    private static long memory() {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/meminfo"))) {
                if (line.startsWith("MemTotal:")) {
                    return Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024;
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException("/proc/meminfo cannot be read: is /proc mounted?", e);
        }
        throw new IllegalStateException("/proc/meminfo has no line MemTotal");
    }

    private static String osRelease(String key, String otherwise) {
        try {
            for (String line : Files.readAllLines(Path.of("/etc/os-release"))) {
                if (line.startsWith(key + "=")) {
                    return line.substring(key.length() + 1).replace("\"", "");
                }
            }
        } catch (IOException e) {
            return otherwise; // minimal systems have none; only a display name is lost
        }
        return otherwise;
    }

    private static String firstLine(Path file) {
        try {
            return Files.readString(file).strip();
        } catch (IOException e) {
            throw new UncheckedIOException(file + " cannot be read", e);
        }
    }

    private static boolean fileMentions(Path file, String word) {
        try {
            return Files.readString(file).contains(word);
        } catch (IOException e) {
            return false;
        }
    }
}
