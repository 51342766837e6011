package dev.starling.runtime.registry;

import dev.starling.runtime.RuntimeShimException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.URI;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The way out of a site that lets nobody out but through a proxy, as the environment says it to most programs: {@code HTTPS_PROXY}, {@code HTTP_PROXY},
 * {@code NO_PROXY}, in lower case too. A registry on this machine's loopback is never asked through one.
 *
 * <p>{@code NO_PROXY} lists hosts with commas: {@code registry.example} and what is below it, {@code .example} only what is below, {@code host:port},
 * addresses and blocks of them ({@code 10.0.0.0/8}), {@code *} for all. Names are not looked up for it.
 *
 * @param https null for none
 * @param http  null for none
 */
public record Proxies(Proxy https, Proxy http, List<String> direct) {
    public static final Proxies NONE = new Proxies(null, null, List.of());
    private static final int DEFAULT_PORT = 80;

    /** @throws RuntimeShimException INVALID where a proxy is not written as {@code http://HOST:PORT} */
    public static Proxies of(Map<String, String> environment) {
        return new Proxies(proxy(environment, "HTTPS_PROXY"), proxy(environment, "HTTP_PROXY"),
                Arrays.stream(value(environment, "NO_PROXY").toLowerCase(Locale.ROOT).split("[,\\s]+")).filter(entry -> !entry.isEmpty()).toList());
    }

    private static String value(Map<String, String> environment, String name) {
        String lower = environment.getOrDefault(name.toLowerCase(Locale.ROOT), "");
        return (lower.isBlank() ? environment.getOrDefault(name, "") : lower).strip();
    }

    private static Proxy proxy(Map<String, String> environment, String name) {
        String text = value(environment, name);
        if (text.isEmpty()) {
            return null;
        }
        URI uri;
        try {
            uri = URI.create(text.contains("://") ? text : "http://" + text);
        } catch (IllegalArgumentException malformed) {
            throw RuntimeShimException.invalid(name + " is no address of a proxy such as http://192.0.2.1:3128");
        }
        if (uri.getUserInfo() != null) {
            throw RuntimeShimException.unsupported(name + " has a user: proxies that ask for a password are not supported");
        }
        if (!"http".equals(uri.getScheme()) || uri.getHost() == null) {
            throw RuntimeShimException.unsupported(name + " is no address of a proxy such as http://192.0.2.1:3128; others than http are not supported");
        }
        return new Proxy(Proxy.Type.HTTP, InetSocketAddress.createUnresolved(uri.getHost(), uri.getPort() < 0 ? DEFAULT_PORT : uri.getPort()));
    }

    /** For a request to this address. */
    Proxy of(URI uri) {
        boolean tls = "https".equals(uri.getScheme());
        Proxy proxy = tls ? https : http;
        String host = uri.getHost() == null ? "" : uri.getHost().toLowerCase(Locale.ROOT).replaceAll("[\\[\\]]", "");
        int port = uri.getPort() >= 0 ? uri.getPort() : tls ? 443 : 80;
        return proxy == null || isLoopback(host) || direct.stream().anyMatch(entry -> matches(entry, host, port)) ? Proxy.NO_PROXY : proxy;
    }

    private static boolean isLoopback(String host) {
        return host.equals("localhost") || host.equals("::1") || host.matches("127(\\.[0-9]{1,3}){3}");
    }

    private static boolean matches(String entry, String host, int port) {
        if (entry.equals("*") || entry.equals(host) || entry.equals(host + ":" + port)) {
            return true;
        }
        int slash = entry.indexOf('/');
        if (slash > 0) {
            return inBlock(entry.substring(0, slash), entry.substring(slash + 1), host);
        }
        return host.endsWith(entry.startsWith(".") ? entry : "." + entry) && !isIpv4(host);
    }

    private static boolean inBlock(String network, String bits, String host) {
        if (!isIpv4(network) || !isIpv4(host) || !bits.matches("[0-9]{1,2}") || Integer.parseInt(bits) > 32) {
            return false;
        }
        long mask = Integer.parseInt(bits) == 0 ? 0 : 0xffffffffL << 32 - Integer.parseInt(bits) & 0xffffffffL;
        return (number(network) & mask) == (number(host) & mask);
    }

    private static boolean isIpv4(String text) {
        return text.matches("[0-9]{1,3}(\\.[0-9]{1,3}){3}");
    }

    private static long number(String ipv4) {
        long number = 0;
        for (String part : ipv4.split("\\.")) {
            number = number << 8 | Integer.parseInt(part) & 0xff;
        }
        return number;
    }
}
