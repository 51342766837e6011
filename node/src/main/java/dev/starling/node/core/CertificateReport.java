package dev.starling.node.core;

/**
 * What a node says of its certificate, in its record under the key {@code certificate}: by it the cluster knows when a rotation of the CA is
 * done. Both are digests of CA certificates, 50 characters as in join tokens.
 *
 * @param issuer the root that its certificate is of
 * @param oldest the oldest root that it trusts
 */
public record CertificateReport(String issuer, String oldest) {}
