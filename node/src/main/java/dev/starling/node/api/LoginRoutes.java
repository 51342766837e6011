package dev.starling.node.api;

import com.fasterxml.jackson.databind.JsonNode;
import dev.starling.runtime.image.ImageStore;
import dev.starling.runtime.image.RegistryCredentials;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** {@code POST /auth}: {@code docker login} has this node try the credentials, and keeps them itself. Nothing of them stays here. */
final class LoginRoutes {
    private final ImageStore images;

    LoginRoutes(ImageStore images) {
        this.images = images;
    }

    void addTo(Endpoints endpoints) {
        endpoints.post("/auth", this::login);
    }

    private CompletionStage<Reply> login(Call call) {
        JsonNode request = call.objectBody();
        RegistryCredentials credentials = new RegistryCredentials(request.path("username").asText(""), request.path("password").asText(""),
                request.path("identitytoken").asText(""));
        String registry = host(request.path("serveraddress").asText(""));
        if (credentials.isNobody()) {
            throw ApiException.badRequest("username: a user name is needed");
        }
        if (!images.accepts(registry, credentials)) {
            throw new ApiException(401, "registry " + registry + ": unauthorized: incorrect username or password");
        }
        return CompletableFuture.completedFuture(Reply.json(Json.object().put("Status", "Login Succeeded").put("IdentityToken", "")));
    }

    /** {@code https://index.docker.io/v1/} is what the CLI calls Docker Hub. */
    private static String host(String address) {
        String host = address.replaceFirst("^https?://", "").replaceFirst("/.*$", "");
        return host.isEmpty() || host.equals("index.docker.io") ? "docker.io" : host;
    }
}
