package dev.starling.netlink;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** Kernel settings below {@code /proc/sys/net}; the kernel shows each thread those of its own network namespace. */
public final class Sysctl {
    private static final Path ROOT = Path.of("/proc/sys/net");

    private final NetNs namespace;

    public Sysctl(NetNs namespace) {
        this.namespace = namespace;
    }

    /**
     * Writes each setting that differs. One that this kernel does not have (a module not loaded, IPv6 off) has nothing to switch and is passed over.
     *
     * @param settings path below {@code /proc/sys/net}, e.g. {@code ipv4/ip_forward}, to value
     */
    public void set(Map<String, String> settings) {
        namespace.call(() -> {
            settings.forEach(Sysctl::setHere);
            return null;
        });
    }

    private static void setHere(String key, String value) {
        Path file = ROOT.resolve(key);
        try {
            if (Files.exists(file) && !Files.readString(file).strip().equals(value)) {
                Files.writeString(file, value);
            }
        } catch (IOException e) {
            throw new UncheckedIOException("cannot set " + file + " to " + value + ": " + e.getMessage(), e);
        }
    }
}
