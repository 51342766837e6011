package dev.starling.netlink;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;

/** Kernel settings below {@code /proc/sys/net}; the kernel shows each thread those of its own network namespace. */
public final class Sysctl {
    private static final Path ROOT = Path.of("/proc/sys/net");
    /** Bytes of a setting; those that are read here are numbers. */
    private static final int LONGEST = 64;

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

    /** Writes a setting where it still is what the kernel came with: what a user chose stays. */
    public void replaceDefault(String key, String kernelDefault, String value) {
        namespace.call(() -> {
            if (hereIs(key, kernelDefault)) {
                setHere(key, value);
            }
            return null;
        });
    }

    /**
     * Lets the kernel forward IPv6 packets, if it does not yet. It then takes itself for a router, which takes no advertisements from others; devices
     * that did so are told to go on, so that the host keeps its own addresses and default route.
     */
    public void forwardIpv6() {
        namespace.call(() -> {
            forwardIpv6Here();
            return null;
        });
    }

    private static void forwardIpv6Here() {
        Path conf = ROOT.resolve("ipv6/conf");
        if (!Files.exists(conf)) {
            return;
        }
        try (Stream<Path> devices = Files.list(conf)) {
            if (read(conf.resolve("all/forwarding")).equals("0")) {
                for (Path device : devices.toList()) {
                    if (read(device.resolve("accept_ra")).equals("1")) {
                        setHere("ipv6/conf/" + device.getFileName() + "/accept_ra", "2");
                    }
                }
                setHere("ipv6/conf/all/forwarding", "1");
            }
        } catch (IOException e) {
            throw new UncheckedIOException("cannot switch on forwarding of IPv6 in " + conf + ": " + e.getMessage(), e);
        }
    }

    /** By one read: the kernel gives a number to the first one only, as much of it as was asked for, and {@link Files#readString} asks for one byte. */
    private static String read(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            return new String(in.readNBytes(LONGEST), StandardCharsets.US_ASCII).strip();
        }
    }

    private static boolean hereIs(String key, String value) {
        Path file = ROOT.resolve(key);
        try {
            return Files.exists(file) && read(file).equals(value);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + file + ": " + e.getMessage(), e);
        }
    }

    private static void setHere(String key, String value) {
        Path file = ROOT.resolve(key);
        try {
            if (Files.exists(file) && !read(file).equals(value)) {
                Files.writeString(file, value);
            }
        } catch (IOException e) {
            throw new UncheckedIOException("cannot set " + file + " to " + value + ": " + e.getMessage(), e);
        }
    }
}
