package dev.starling.netlink;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;

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
            if (Files.readString(conf.resolve("all/forwarding")).strip().equals("0")) {
                for (Path device : devices.toList()) {
                    if (Files.readString(device.resolve("accept_ra")).strip().equals("1")) {
                        setHere("ipv6/conf/" + device.getFileName() + "/accept_ra", "2");
                    }
                }
                setHere("ipv6/conf/all/forwarding", "1");
            }
        } catch (IOException e) {
            throw new UncheckedIOException("cannot switch on forwarding of IPv6 in " + conf + ": " + e.getMessage(), e);
        }
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
