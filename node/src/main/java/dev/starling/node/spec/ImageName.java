package dev.starling.node.spec;

import java.util.regex.Pattern;

/** The grammar of image references: {@code [host[:port]/]path[:tag][@algorithm:hex]} (the distribution project's reference grammar). */
final class ImageName {
    private static final String COMPONENT = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
    private static final String HOST =
            "(?:(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\\.(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?))*|\\[[0-9a-fA-F:]+])(?::[0-9]{1,5})?";
    private static final Pattern REFERENCE = Pattern.compile("(?:" + HOST + "/)?" + COMPONENT + "(?:/" + COMPONENT + ")*"
            + "(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?");
    private static final Pattern ID = Pattern.compile("(?:sha256:)?[0-9a-f]{64}");

    static boolean isValid(String reference) {
        return reference.length() <= 512 && (REFERENCE.matcher(reference).matches() || ID.matcher(reference).matches());
    }

    private ImageName() {}
}
