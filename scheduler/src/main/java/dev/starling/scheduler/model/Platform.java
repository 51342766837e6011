package dev.starling.scheduler.model;

import java.util.Locale;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Operating system and architecture in Docker's words ({@code linux}, {@code x86_64} / {@code amd64}, {@code aarch64} / {@code arm64}, ...). */
public record Platform(String os, String architecture) {
    private static final Pattern ARM_VERSION = Pattern.compile("arm/?v([67]).*");

    public Platform {
        Objects.requireNonNull(os, "os");
        Objects.requireNonNull(architecture, "architecture");
    }

    /** Whether a node of this platform runs an image built for {@code image}; what the image leaves empty fits everything. */
    public boolean runs(Platform image) {
        return (image.os.isEmpty() || os.equalsIgnoreCase(image.os))
                && (image.architecture.isEmpty() || normalArchitecture(architecture).equals(normalArchitecture(image.architecture)))
                && runsArmVersion(image);
    }

    private boolean runsArmVersion(Platform image) {
        int own = armVersion(architecture);
        return own == 0 || own >= armVersion(image.architecture);
    }

    /** 32-bit ARM runs what was built for its version or an earlier one; where either says none it is not looked at. */
    private static int armVersion(String architecture) {
        Matcher version = ARM_VERSION.matcher(architecture.toLowerCase(Locale.ROOT));
        return version.matches() ? Integer.parseInt(version.group(1)) : 0;
    }

    /** The name of the OCI image specification for what uname, Docker and Go call by different names. */
    public static String normalArchitecture(String name) {
        String lower = name.toLowerCase(Locale.ROOT);
        return switch (lower) {
            case "x86_64", "x86-64", "amd64" -> "amd64";
            case "aarch64", "arm64", "arm64/v8", "armv8", "armv8l", "armv8b" -> "arm64";
            case "arm", "armhf", "armel", "arm/v6", "arm/v7", "armv6", "armv6l", "armv7", "armv7l" -> "arm";
            case "i386", "i486", "i586", "i686", "x86", "386" -> "386";
            default -> lower;
        };
    }
}
