package dev.starling.gossip;

import java.util.Objects;

/**
 * Where a node's gossip listener is reached: an IPv4/IPv6 literal or a host name, and a TCP port.
 * Written {@code host:port}; an IPv6 literal in brackets.
 */
public record Endpoint(String host, int port) implements Comparable<Endpoint> {
    public Endpoint {
        Objects.requireNonNull(host, "host");
        if (host.isEmpty() || host.length() > 255) {
            throw new IllegalArgumentException("host must have 1 to 255 characters, got '" + host + "'");
        }
        if (port < 1 || port > 65535) {
            throw new IllegalArgumentException("port must be 1 to 65535, got " + port + " for host " + host);
        }
    }

    /** Parses {@code host}, {@code host:port}, {@code [v6]} or {@code [v6]:port}; {@code defaultPort} where none is written. */
    public static Endpoint parse(String text, int defaultPort) {
        String s = text.strip();
        if (s.startsWith("[")) {
            int close = s.indexOf(']');
            if (close < 0) {
                throw new IllegalArgumentException("address '" + text + "': ']' is missing");
            }
            String rest = s.substring(close + 1);
            if (!rest.isEmpty() && !rest.startsWith(":")) {
                throw new IllegalArgumentException("address '" + text + "': expected ':PORT' after ']'");
            }
            return new Endpoint(s.substring(1, close), rest.isEmpty() ? defaultPort : port(text, rest.substring(1)));
        }
        int colon = s.lastIndexOf(':');
        if (colon < 0 || s.indexOf(':') != colon) { // none, or a bare IPv6 literal
            return new Endpoint(s, defaultPort);
        }
        return new Endpoint(s.substring(0, colon), port(text, s.substring(colon + 1)));
    }

    private static int port(String text, String digits) {
        try {
            return Integer.parseInt(digits);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("address '" + text + "': '" + digits + "' is not a port number", e);
        }
    }

    @Override
    public int compareTo(Endpoint other) {
        int byHost = host.compareTo(other.host);
        return byHost != 0 ? byHost : Integer.compare(port, other.port);
    }

    @Override
    public String toString() {
        return (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
    }
}
