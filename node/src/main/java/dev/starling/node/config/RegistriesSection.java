package dev.starling.node.config;

import dev.starling.runtime.registry.RegistrySettings;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;

/** Reads {@code registries:}, the registries' peculiarities and what pulling may cost this node. */
final class RegistriesSection {
    static final List<String> KEYS = List.of("bandwidth", "downloads", "prefetch", "hosts");
    private static final List<String> HOST_KEYS = List.of("mirror", "ca-file", "plain-http", "user", "password-file");
    private static final int MOST_DOWNLOADS = 16;
    private static final Pattern HOST = Pattern.compile("[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?(:[0-9]{1,5})?|\\[[0-9a-fA-F:]+](:[0-9]{1,5})?");

    /** @param section null for none */
    static RegistrySettings read(Section section) {
        RegistrySettings defaults = RegistrySettings.DEFAULTS;
        if (section == null) {
            return defaults;
        }
        Map<String, RegistrySettings.Host> hosts = new TreeMap<>();
        Section inner = section.readSection("hosts", null);
        if (inner != null) {
            for (String name : inner.keys()) {
                if (!HOST.matcher(name).matches()) {
                    throw inner.complaintAbout(name, "is no registry such as registry.example or 192.0.2.9:5000");
                }
                hosts.put(name, host(inner.readSection(name, HOST_KEYS)));
            }
        }
        return new RegistrySettings(
                section.read("bandwidth", defaults.bytesPerSecond(), ConfigLoader::bytes),
                section.read("downloads", defaults.downloads(), RegistriesSection::downloads),
                section.read("prefetch", defaults.prefetch(), RegistriesSection::onOrOff), hosts);
    }

    private static RegistrySettings.Host host(Section section) {
        if (section == null) {
            return RegistrySettings.Host.PLAIN_DEFAULTS;
        }
        RegistrySettings.Host host = new RegistrySettings.Host(
                section.read("mirror", "", RegistriesSection::mirror),
                section.read("ca-file", null, ConfigLoader::absolutePath),
                section.read("plain-http", false, RegistriesSection::truth),
                section.read("user", "", text -> text),
                section.read("password-file", null, ConfigLoader::absolutePath));
        if (host.user().isEmpty() != (host.passwordFile() == null)) {
            throw section.complaintAbout(host.user().isEmpty() ? "password-file" : "user", "'user' and 'password-file' need each other");
        }
        if (host.plainHttp() && host.caFile() != null) {
            throw section.complaintAbout("plain-http", "gives up the TLS that 'ca-file' is for");
        }
        return host;
    }

    private static String mirror(String text) {
        if (!HOST.matcher(text).matches()) {
            throw new IllegalArgumentException("'" + text + "' is no HOST or HOST:PORT");
        }
        return text;
    }

    private static int downloads(String text) {
        if (!text.matches("[0-9]{1,3}") || Integer.parseInt(text) < 1 || Integer.parseInt(text) > MOST_DOWNLOADS) {
            throw new IllegalArgumentException("must be 1 to " + MOST_DOWNLOADS + ", got " + text);
        }
        return Integer.parseInt(text);
    }

    private static boolean onOrOff(String text) {
        return switch (text) {
            case "on" -> true;
            case "off" -> false;
            default -> throw new IllegalArgumentException("must be on or off, got " + text);
        };
    }

    private static boolean truth(String text) {
        return switch (text) {
            case "true" -> true;
            case "false" -> false;
            default -> throw new IllegalArgumentException("'" + text + "' is neither true nor false");
        };
    }

    private RegistriesSection() {}
}
