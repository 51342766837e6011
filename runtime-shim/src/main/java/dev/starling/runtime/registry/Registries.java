package dev.starling.runtime.registry;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.image.ImageSource;
import dev.starling.runtime.image.RegistryCredentials;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManagerFactory;

/**
 * The registries that this node may ask, as the configuration describes them. Files (authorities, passwords) are read anew for each pull, so
 * that they can be changed without a restart.
 *
 * <p>As in Docker a registry on this machine's own loopback is asked without TLS unless an authority is configured for it.
 */
public final class Registries {
    private static final String HUB = "docker.io";
    /** Where Docker Hub's API is. */
    private static final String HUB_ENDPOINT = "registry-1.docker.io";

    private static final int GREETING_BYTES = 64 << 10;

    private final RegistrySettings settings;
    private final Proxies proxies;

    public Registries(RegistrySettings settings) {
        this(settings, Proxies.NONE);
    }

    public Registries(RegistrySettings settings, Proxies proxies) {
        this.settings = settings;
        this.proxies = proxies;
    }

    /**
     * @param host        as image names have it
     * @param credentials of the one who asks; where that is nobody, those of the configuration
     */
    public ImageSource source(String host, RegistryCredentials credentials) {
        List<RegistryEndpoint> endpoints = new ArrayList<>();
        String mirror = settings.host(host).mirror();
        if (!mirror.isEmpty()) {
            endpoints.add(endpoint(mirror, RegistryCredentials.NONE)); // a user's password is for the registry that the image's name says
        }
        endpoints.add(endpoint(host, credentials));
        return new RegistrySource(endpoints);
    }

    /** Whether the registry itself, and not a mirror of it, takes the credentials. */
    boolean accepts(String host, RegistryCredentials credentials) {
        try {
            RegistryEndpoint.Answer answer = endpoint(host, credentials).get("", "", Map.of());
            try (InputStream body = answer.body()) {
                body.readNBytes(GREETING_BYTES);
            }
            if (answer.isOk() || answer.status() == 401 || answer.status() == 403) {
                return answer.isOk();
            }
            throw RuntimeShimException.system("registry " + host + " answered " + answer.status() + " to a login", null);
        } catch (IOException unreachable) {
            throw RuntimeShimException.system(unreachable.getMessage(), unreachable);
        }
    }

    private RegistryEndpoint endpoint(String host, RegistryCredentials credentials) {
        RegistrySettings.Host known = settings.host(host);
        boolean plainHttp = known.plainHttp() || known.caFile() == null && isLoopback(host);
        return new RegistryEndpoint(host.equals(HUB) ? HUB_ENDPOINT : host, plainHttp, known.caFile() == null ? null : trust(known.caFile()),
                proxies, credentials.isNobody() ? configured(known) : credentials);
    }

    private static boolean isLoopback(String host) {
        String name = host.startsWith("[") ? host.substring(0, host.indexOf(']') + 1) : host.replaceFirst(":[0-9]+$", "");
        return name.equals("localhost") || name.equals("[::1]") || name.matches("127(\\.[0-9]{1,3}){3}");
    }

    private static RegistryCredentials configured(RegistrySettings.Host host) {
        if (host.user().isEmpty()) {
            return RegistryCredentials.NONE;
        }
        try {
            return new RegistryCredentials(host.user(), Files.readString(host.passwordFile()).strip());
        } catch (IOException failure) {
            throw RuntimeShimException.system("password-file " + host.passwordFile() + " cannot be read: " + failure, failure);
        }
    }

    /** The authorities in the file, and no others: a private registry's certificate comes from there. */
    private static SSLSocketFactory trust(Path caFile) {
        try (InputStream pem = Files.newInputStream(caFile)) {
            KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
            store.load(null, null);
            int count = 0;
            for (Certificate certificate : CertificateFactory.getInstance("X.509").generateCertificates(pem)) {
                store.setCertificateEntry("ca" + count++, certificate);
            }
            TrustManagerFactory managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            managers.init(store);
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, managers.getTrustManagers(), null);
            return context.getSocketFactory();
        } catch (IOException | GeneralSecurityException failure) {
            throw RuntimeShimException.system("ca-file " + caFile + " cannot be used: " + failure.getMessage(), failure);
        }
    }
}
