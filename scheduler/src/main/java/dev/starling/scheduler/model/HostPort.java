package dev.starling.scheduler.model;

/**
 * A port of a host or a container, which specs, records and plans write as {@code tcp/8080}.
 *
 * @param protocol tcp or udp
 */
public record HostPort(String protocol, int number) {
    /** @throws IllegalArgumentException where {@code text} is not written so */
    public static HostPort of(String text) {
        int slash = text.indexOf('/');
        if (slash < 0) {
            throw new IllegalArgumentException("\"" + text + "\" is no port: it is written tcp/8080");
        }
        return new HostPort(text.substring(0, slash), Integer.parseInt(text.substring(slash + 1)));
    }

    @Override
    public String toString() {
        return protocol + "/" + number;
    }
}
