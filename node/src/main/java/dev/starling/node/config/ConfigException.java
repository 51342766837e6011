package dev.starling.node.config;

/** The configuration cannot be used. The message names the file, the line and the key, and is meant to be printed as it is. */
public final class ConfigException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** What a process that ends because of its configuration exits with: EX_CONFIG of sysexits.h. */
    public static final int EXIT_CODE = 78;

    public ConfigException(String message) {
        super(message);
    }

    public ConfigException(String message, Throwable cause) {
        super(message, cause);
    }
}
