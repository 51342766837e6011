package dev.starling.runtime.image;

import com.fasterxml.jackson.databind.JsonNode;
import dev.starling.runtime.RuntimeShimException;
import java.util.List;
import java.util.Locale;
import java.util.TreeSet;

/**
 * What this machine runs, in the words of image indexes ({@code linux/arm/v7}), and how well an image of an index fits it. A 32-bit ARM
 * machine also runs what was built for older ARM: v7 before v6 before v5.
 */
public record MachinePlatform(String os, String architecture, String variant) {
    static final int DOES_NOT_RUN = -1;
    private static final List<String> ARM_VARIANTS = List.of("v5", "v6", "v7");

    /** Of this JVM's machine. Where a 32-bit ARM JVM does not say more, v7: jffi's native library needs that anyway. */
    public static MachinePlatform current() {
        String machine = System.getProperty("os.arch").toLowerCase(Locale.ROOT);
        return switch (machine) {
            case "amd64", "x86_64" -> new MachinePlatform("linux", "amd64", "");
            case "aarch64", "arm64" -> new MachinePlatform("linux", "arm64", "v8");
            case "arm", "armv7l" -> new MachinePlatform("linux", "arm", "v7");
            case "x86", "i386", "i686" -> new MachinePlatform("linux", "386", "");
            default -> new MachinePlatform("linux", machine, "");
        };
    }

    static MachinePlatform of(JsonNode platform) {
        return new MachinePlatform(
                platform.path("os").asText(""), platform.path("architecture").asText(""), platform.path("variant").asText(""));
    }

    /**
     * Which of an index's images is for this machine. One that does not say what it is for is taken where there is no other.
     *
     * @param offered their {@code platform} objects
     * @throws RuntimeShimException UNSUPPORTED, naming what is offered
     */
    int choose(List<JsonNode> offered, String what) {
        if (offered.size() == 1 && !offered.get(0).isObject()) {
            return 0;
        }
        int best = -1;
        int bestFit = DOES_NOT_RUN;
        TreeSet<String> names = new TreeSet<>();
        for (int i = 0; i < offered.size(); i++) {
            MachinePlatform platform = of(offered.get(i));
            int fit = fit(platform.os, platform.architecture, platform.variant);
            if (fit > bestFit) {
                best = i;
                bestFit = fit;
            }
            names.add(platform.toString());
        }
        if (best < 0) {
            throw RuntimeShimException.unsupported(what + " is not for " + this + " but for " + String.join(", ", names));
        }
        return best;
    }

    /** How well an image fits: the higher the better, {@link #DOES_NOT_RUN} for not at all. */
    int fit(String imageOs, String imageArchitecture, String imageVariant) {
        if (!os.equals(imageOs) || !architecture.equals(imageArchitecture)) {
            return DOES_NOT_RUN;
        }
        if (architecture.equals("arm")) {
            int needed = ARM_VARIANTS.indexOf(imageVariant.isEmpty() ? "v7" : imageVariant);
            return needed >= 0 && needed <= ARM_VARIANTS.indexOf(variant) ? needed : DOES_NOT_RUN;
        }
        if (imageVariant.equals(variant)) {
            return 2;
        }
        // arm64 is v8 where nothing is said; amd64/v2 and later need CPU features that this does not look at
        boolean baseline = imageVariant.isEmpty() || variant.isEmpty() && imageVariant.equals("v1");
        return baseline ? 1 : DOES_NOT_RUN;
    }

    @Override
    public String toString() {
        return os + "/" + architecture + (variant.isEmpty() ? "" : "/" + variant);
    }
}
