package dev.starling.node.api;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A version of the Docker API. Clients put theirs before the path: {@code /v1.50/services}; without it the newest is meant. */
record ApiVersion(int major, int minor) implements Comparable<ApiVersion> {
    /** The CLI since 19.03 speaks this. */
    static final ApiVersion OLDEST = new ApiVersion(1, 40);
    static final ApiVersion NEWEST = new ApiVersion(1, 50);

    private static final Pattern PREFIX = Pattern.compile("/v([0-9]{1,4})\\.([0-9]{1,4})(/.*)");

    /** The path without its version. @throws ApiException 400 where the version is out of range */
    static String strip(String path) {
        Matcher matcher = PREFIX.matcher(path);
        if (!matcher.matches()) {
            return path;
        }
        ApiVersion version = new ApiVersion(Integer.parseInt(matcher.group(1)), Integer.parseInt(matcher.group(2)));
        if (version.compareTo(OLDEST) < 0) {
            throw ApiException.badRequest("client version " + version + " is too old. Minimum supported API version is " + OLDEST
                    + ", please upgrade your client to a newer version");
        }
        if (version.compareTo(NEWEST) > 0) {
            throw ApiException.badRequest("client version " + version + " is too new. Maximum supported API version is " + NEWEST);
        }
        return matcher.group(3);
    }

    @Override
    public int compareTo(ApiVersion other) {
        return major != other.major ? Integer.compare(major, other.major) : Integer.compare(minor, other.minor);
    }

    @Override
    public String toString() {
        return major + "." + minor;
    }
}
