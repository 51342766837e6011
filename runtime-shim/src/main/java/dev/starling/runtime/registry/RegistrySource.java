package dev.starling.runtime.registry;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.image.Digest;
import dev.starling.runtime.image.ImageSource;
import dev.starling.runtime.image.RegistryReference;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Map;

/**
 * A registry and its mirrors, by the OCI distribution API, for one pull. A mirror that has not got something, or cannot be reached, is passed
 * over; the registry's own word is the last.
 */
final class RegistrySource implements ImageSource {
    private static final int MANIFEST_BYTES = 4 << 20;
    private static final String ACCEPT = String.join(", ", "application/vnd.oci.image.index.v1+json",
            "application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json",
            "application/vnd.docker.distribution.manifest.v2+json");

    private final List<RegistryEndpoint> endpoints;

    /** @param endpoints mirrors first, the registry last */
    RegistrySource(List<RegistryEndpoint> endpoints) {
        this.endpoints = List.copyOf(endpoints);
    }

    @Override
    public byte[] manifest(RegistryReference reference) throws IOException {
        String wanted = reference.digest().isEmpty() ? reference.tag() : reference.digest();
        RegistryEndpoint.Answer answer = ask(reference, "manifests/" + wanted, Map.of("Accept", ACCEPT));
        try (InputStream body = answer.body()) {
            byte[] content = body.readNBytes(MANIFEST_BYTES + 1);
            if (content.length > MANIFEST_BYTES) {
                throw RuntimeShimException.invalid("manifest of " + reference + " has more than " + MANIFEST_BYTES + " bytes");
            }
            return content;
        }
    }

    @Override
    public InputStream blob(RegistryReference repository, Digest digest, long offset) throws IOException {
        RegistryEndpoint.Answer answer = ask(repository, "blobs/" + digest, offset == 0 ? Map.of() : Map.of("Range", "bytes=" + offset + "-"));
        if (offset > 0 && answer.status() == 200) {
            answer.body().skipNBytes(offset); // it does not know ranges
        }
        return answer.body();
    }

    private RegistryEndpoint.Answer ask(RegistryReference reference, String what, Map<String, String> headers) throws IOException {
        for (int i = 0; ; i++) {
            boolean last = i == endpoints.size() - 1;
            try {
                RegistryEndpoint.Answer answer = endpoints.get(i).get(reference.repository() + "/" + what,
                        "repository:" + reference.repository() + ":pull", headers);
                if (answer.isOk()) {
                    return answer;
                }
                if (last) {
                    throw refusal(reference, what, endpoints.get(i).host(), answer);
                }
            } catch (IOException unreachable) {
                if (last) {
                    throw unreachable;
                }
            }
        }
    }

    /** In Docker's words. What may be different a moment later is an IOException. */
    private static RuntimeShimException refusal(RegistryReference reference, String what, String host, RegistryEndpoint.Answer answer)
            throws IOException {
        String said = answer.message().isEmpty() ? "" : ": " + answer.message();
        return switch (answer.status()) {
            case 401, 403 -> RuntimeShimException.notFound("pull access denied for " + reference.familiarName()
                    + ", repository does not exist or may require 'docker login'" + said);
            case 404 -> RuntimeShimException.notFound(what.startsWith("manifests/")
                    ? "manifest for " + reference.familiar() + " not found" + (said.isEmpty() ? ": manifest unknown" : said)
                    : "registry " + host + " has no blob " + what.substring(what.indexOf('/') + 1) + " of " + reference.familiarName());
            default -> throw new IOException("registry " + host + " answered " + answer.status() + " for " + reference.familiarName() + said);
        };
    }
}
