package dev.starling.runtime.image;

import dev.starling.runtime.RuntimeShimException;
import java.util.regex.Pattern;

/**
 * The name of an image, read as Docker reads it. The part before the first slash is a host only if it looks like one (a dot, a colon,
 * {@code localhost}); otherwise the image is on Docker Hub, below {@code library/} where there is no slash at all:
 *
 * <pre>
 * busybox                     docker.io  library/busybox  latest   shown as busybox:latest
 * team/app:1                  docker.io  team/app         1        shown as team/app:1
 * edge.example:5000/app@sha256:..  edge.example:5000  app   -      shown as it is
 * </pre>
 *
 * The grammar is that of the distribution project's {@code reference} package.
 *
 * @param tag    empty where a digest stands alone
 * @param digest {@code sha256:...}, or empty
 */
public record RegistryReference(String host, String repository, String tag, String digest) {
    private static final String HUB = "docker.io";
    private static final String HUB_LIBRARY = "library/";
    private static final int NAME_LIMIT = 255;
    /** Longest name, tag and digest; nothing longer is looked at. */
    private static final int TEXT_LIMIT = NAME_LIMIT + 1 + 128 + 1 + 71;

    private static final Pattern HOST = Pattern.compile(
            "(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\\[[a-fA-F0-9:]+])(?::[0-9]{1,5})?");
    private static final Pattern COMPONENT = Pattern.compile("[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*");
    private static final Pattern TAG = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}");

    /** @throws RuntimeShimException INVALID, in Docker's words */
    public static RegistryReference parse(String text) {
        if (text.isEmpty() || text.length() > TEXT_LIMIT) {
            throw invalid(text);
        }
        if (Digest.isHex(text)) {
            throw RuntimeShimException.invalid("invalid repository name (" + text + "), cannot specify 64-byte hexadecimal strings");
        }
        int at = text.indexOf('@');
        String digest = at < 0 ? "" : text.substring(at + 1);
        String named = at < 0 ? text : text.substring(0, at);
        int colon = named.indexOf(':', named.lastIndexOf('/') + 1);
        String tag = colon < 0 ? "" : named.substring(colon + 1);
        String name = colon < 0 ? named : named.substring(0, colon);
        if (at >= 0 && !Digest.isDigest(digest) || colon >= 0 && !TAG.matcher(tag).matches()) {
            throw invalid(text);
        }
        int slash = name.indexOf('/');
        boolean hasHost = slash > 0 && looksLikeHost(name.substring(0, slash));
        String host = hasHost ? name.substring(0, slash) : HUB;
        if (host.equals("index.docker.io")) {
            host = HUB;
        }
        String path = hasHost ? name.substring(slash + 1) : name;
        String repository = host.equals(HUB) && path.indexOf('/') < 0 ? HUB_LIBRARY + path : path;
        if (!HOST.matcher(host).matches() || host.length() + 1 + repository.length() > NAME_LIMIT) {
            throw invalid(text);
        }
        for (String component : repository.split("/", -1)) {
            if (!COMPONENT.matcher(component).matches()) {
                throw component.chars().anyMatch(c -> c >= 'A' && c <= 'Z')
                        ? RuntimeShimException.invalid("invalid reference format: repository name (" + path + ") must be lowercase")
                        : invalid(text);
            }
        }
        return new RegistryReference(host, repository, tag.isEmpty() && digest.isEmpty() ? "latest" : tag, digest);
    }

    private static boolean looksLikeHost(String component) {
        return component.indexOf('.') >= 0 || component.indexOf(':') >= 0 || component.equals("localhost")
                || component.chars().anyMatch(c -> c >= 'A' && c <= 'Z');
    }

    private static RuntimeShimException invalid(String text) {
        String shown = text.length() > TEXT_LIMIT ? text.substring(0, TEXT_LIMIT) + "..." : text;
        return RuntimeShimException.invalid("invalid reference format: '" + shown + "'");
    }

    /** As Docker shows it: without what it adds itself. */
    public String familiarName() {
        if (!host.equals(HUB)) {
            return host + "/" + repository;
        }
        boolean library = repository.startsWith(HUB_LIBRARY) && repository.indexOf('/', HUB_LIBRARY.length()) < 0;
        return library ? repository.substring(HUB_LIBRARY.length()) : repository;
    }

    /** {@code busybox:latest}, and with the digest where there is one. */
    public String familiar() {
        return familiarName() + (tag.isEmpty() ? "" : ":" + tag) + (digest.isEmpty() ? "" : "@" + digest);
    }

    /** {@code docker.io/library/busybox:latest} */
    public String canonical() {
        return host + "/" + repository + (tag.isEmpty() ? "" : ":" + tag) + (digest.isEmpty() ? "" : "@" + digest);
    }

    @Override
    public String toString() {
        return familiar();
    }
}
