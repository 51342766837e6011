package dev.starling.node.api;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;

/** {@code TLSInfo}: the cluster's CA as Docker shows it. */
final class TlsInfo {
    static ObjectNode of(String caPem) {
        ObjectNode json = Json.object().put("TrustRoot", caPem);
        try {
            X509Certificate certificate = (X509Certificate) CertificateFactory.getInstance("X.509")
                    .generateCertificate(new ByteArrayInputStream(caPem.getBytes(StandardCharsets.US_ASCII)));
            json.put("CertIssuerSubject", certificate.getSubjectX500Principal().getEncoded());
            json.put("CertIssuerPublicKey", certificate.getPublicKey().getEncoded());
        } catch (CertificateException e) {
            throw new IllegalStateException("the cluster's CA certificate cannot be read: " + e.getMessage(), e);
        }
        return json;
    }

    private TlsInfo() {}
}
