package dev.starling.runtime.image;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.starling.runtime.RuntimeShimException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;

/**
 * Who pulls. Never printed.
 *
 * @param user          empty for nobody, or for who has an identity token
 * @param identityToken what a login gave instead of keeping the password: good for tokens only, by OAuth 2's refresh; empty for none
 */
public record RegistryCredentials(String user, String password, String identityToken) {
    public static final RegistryCredentials NONE = new RegistryCredentials("", "");
    private static final ObjectMapper JSON = new ObjectMapper();

    public RegistryCredentials(String user, String password) {
        this(user, password, "");
    }

    /** What the Docker CLI sends as {@code X-Registry-Auth}: base64url of a JSON object; empty for none. */
    public static RegistryCredentials ofHeader(String header) {
        if (header.isEmpty()) {
            return NONE;
        }
        JsonNode json;
        try {
            json = JSON.readTree(Base64.getUrlDecoder().decode(header.strip().replace('+', '-').replace('/', '_')));
        } catch (IOException | IllegalArgumentException malformed) {
            throw RuntimeShimException.invalid("X-Registry-Auth is no base64url of a JSON object");
        }
        if (!json.path("registrytoken").asText("").isEmpty()) {
            throw RuntimeShimException.unsupported("pulling with a registry token is not supported; log in with user name and password");
        }
        return new RegistryCredentials(json.path("username").asText(""), json.path("password").asText(""), json.path("identitytoken").asText(""));
    }

    public boolean isNobody() {
        return user.isEmpty() && identityToken.isEmpty();
    }

    public boolean hasIdentityToken() {
        return !identityToken.isEmpty();
    }

    /** The value of an {@code Authorization} header (RFC 7617). */
    public String basic() {
        return "Basic " + Base64.getEncoder().encodeToString((user + ":" + password).getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public String toString() {
        return isNobody() ? "nobody" : user.isEmpty() ? "the owner of an identity token" : user;
    }
}
