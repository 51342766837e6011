package dev.starling.runtime.registry;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.starling.runtime.image.RegistryCredentials;
import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.Proxy;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLSocketFactory;

/**
 * One registry host, for one pull: GET requests, directly or through a proxy, with the token or password it asks for, redirects followed by hand so that neither goes to
 * another host.
 *
 * <p>Tokens as Docker's registries give them: by a GET with user and password, or, for who has an identity token, by OAuth 2's refresh (distribution,
 * docs/spec/auth/token.md and oauth.md).
 *
 * <p>The JDK's older client, since it has a deadline on each read of a body; the newer one waits for ever for a registry that stalls.
 */
final class RegistryEndpoint {
    private static final int CONNECT_MILLIS = 5_000;
    private static final int READ_MILLIS = 30_000;
    private static final int REDIRECTS = 5;
    private static final int TOKEN_BYTES = 64 << 10;
    private static final int ERROR_BYTES = 8 << 10;
    private static final ObjectMapper JSON = new ObjectMapper();

    /** @param body the caller's to close */
    record Answer(int status, String message, InputStream body) {
        boolean isOk() {
            return status == 200 || status == 206;
        }
    }

    private final String host;
    private final boolean plainHttp;
    private final SSLSocketFactory trust;
    private final Proxies proxies;
    private final RegistryCredentials credentials;
    /** Scope of a token -> the {@code Authorization} header that was accepted for it. */
    private final Map<String, String> authorizations = new ConcurrentHashMap<>();

    /** @param trust null for the machine's authorities */
    RegistryEndpoint(String host, boolean plainHttp, SSLSocketFactory trust, Proxies proxies, RegistryCredentials credentials) {
        this.host = host;
        this.plainHttp = plainHttp;
        this.trust = trust;
        this.proxies = proxies;
        this.credentials = credentials;
    }

    String host() {
        return host;
    }

    /** @param path below {@code /v2/}; @param scope what a token has to be good for, where the registry does not say; empty for nothing but to log in */
    Answer get(String path, String scope, Map<String, String> headers) throws IOException {
        URI uri = URI.create((plainHttp ? "http://" : "https://") + host + "/v2/" + path);
        Map<String, String> all = new TreeMap<>(headers);
        String known = authorizations.get(scope);
        if (known != null) {
            all.put("Authorization", known);
        }
        HttpURLConnection connection = send(uri, all, null);
        if (connection.getResponseCode() == 401) {
            String authorization = authorization(Challenge.parse(connection.getHeaderField("WWW-Authenticate")), scope);
            if (authorization != null) {
                drain(connection);
                all.put("Authorization", authorization);
                connection = send(uri, all, null);
                if (connection.getResponseCode() < 300) {
                    authorizations.put(scope, authorization);
                }
            }
        }
        return answer(follow(uri, connection, headers));
    }

    private HttpURLConnection follow(URI from, HttpURLConnection first, Map<String, String> headers) throws IOException {
        HttpURLConnection connection = first;
        URI uri = from;
        for (int hops = 0; isRedirect(connection.getResponseCode()); hops++) {
            if (hops == REDIRECTS) {
                throw new IOException("registry " + host + " redirects more than " + REDIRECTS + " times");
            }
            uri = target(uri, connection.getHeaderField("Location"));
            drain(connection);
            connection = send(uri, headers, null); // without what the registry alone may see
        }
        return connection;
    }

    private URI target(URI from, String location) throws IOException {
        try {
            URI target = from.resolve(location == null ? "" : location);
            if ("https".equals(target.getScheme()) || "http".equals(target.getScheme()) && plainHttp) {
                return target;
            }
        } catch (IllegalArgumentException malformed) {
            // refused below
        }
        throw new IOException("registry " + host + " redirects to what is no https address");
    }

    private static boolean isRedirect(int status) {
        return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
    }

    /** Null where there is nothing to answer a challenge with. */
    private String authorization(Challenge challenge, String scope) throws IOException {
        if (challenge.scheme().equals("basic")) {
            return credentials.isNobody() || credentials.hasIdentityToken() ? null : credentials.basic();
        }
        if (!challenge.scheme().equals("bearer")) {
            return null;
        }
        String wanted = challenge.parameter("scope").isEmpty() ? scope : challenge.parameter("scope");
        String question = "service=" + encoded(challenge.parameter("service")) + (wanted.isEmpty() ? "" : "&scope=" + encoded(wanted));
        String realm = challenge.parameter("realm");
        URI own = URI.create((plainHttp ? "http://" : "https://") + host);
        HttpURLConnection connection = credentials.hasIdentityToken()
                ? send(target(own, realm), Map.of(), question + "&grant_type=refresh_token&client_id=starling&refresh_token=" + encoded(credentials.identityToken()))
                : send(target(own, realm + (realm.indexOf('?') < 0 ? "?" : "&") + question),
                        credentials.isNobody() ? Map.of() : Map.of("Authorization", credentials.basic()), null);
        if (connection.getResponseCode() != 200) {
            drain(connection);
            return null;
        }
        JsonNode json;
        try (InputStream in = connection.getInputStream()) {
            json = JSON.readTree(in.readNBytes(TOKEN_BYTES));
        }
        String token = json.path("token").asText(json.path("access_token").asText(""));
        return token.isEmpty() ? null : "Bearer " + token;
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }

    /** @param form to be posted; null for a GET */
    private HttpURLConnection send(URI uri, Map<String, String> headers, String form) throws IOException {
        Proxy proxy = proxies.of(uri);
        HttpURLConnection connection = (HttpURLConnection) uri.toURL().openConnection(proxy);
        if (connection instanceof HttpsURLConnection tls && trust != null) {
            tls.setSSLSocketFactory(trust);
        }
        connection.setInstanceFollowRedirects(false);
        connection.setConnectTimeout(CONNECT_MILLIS);
        connection.setReadTimeout(READ_MILLIS);
        connection.setUseCaches(false);
        connection.setRequestProperty("User-Agent", "starling");
        headers.forEach(connection::setRequestProperty);
        try {
            if (form != null) {
                connection.setDoOutput(true);
                connection.getOutputStream().write(form.getBytes(StandardCharsets.US_ASCII)); // the JDK gives it its content type
            }
            connection.getResponseCode();
        } catch (IOException unreachable) {
            String way = proxy == Proxy.NO_PROXY ? "" : " through the proxy " + proxy.address();
            throw new IOException("registry " + host + " cannot be reached" + way + ": " + reason(unreachable), unreachable);
        }
        return connection;
    }

    /** Some of the JDK's exceptions have nothing but a host name for a message. */
    private static String reason(IOException failure) {
        return failure instanceof java.net.UnknownHostException ? "no such host: " + failure.getMessage() : String.valueOf(failure.getMessage());
    }

    private static Answer answer(HttpURLConnection connection) throws IOException {
        int status = connection.getResponseCode();
        if (status < 400) {
            return new Answer(status, "", connection.getInputStream());
        }
        try (InputStream error = connection.getErrorStream()) {
            String message = "";
            if (error != null) {
                byte[] body = error.readNBytes(ERROR_BYTES);
                try {
                    message = JSON.readTree(body).path("errors").path(0).path("message").asText("");
                } catch (IOException noJson) {
                    message = "";
                }
            }
            return new Answer(status, message, InputStream.nullInputStream());
        }
    }

    private static void drain(HttpURLConnection connection) throws IOException {
        try (InputStream rest = connection.getResponseCode() >= 400 ? connection.getErrorStream() : connection.getInputStream()) {
            if (rest != null) {
                rest.readNBytes(ERROR_BYTES); // so that the connection can be used again
            }
        }
    }
}
