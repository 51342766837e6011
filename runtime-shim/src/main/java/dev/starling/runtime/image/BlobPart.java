package dev.starling.runtime.image;

/**
 * Some bytes of a blob that this machine has, or is downloading.
 *
 * @param bytes as many as were asked for, or fewer where there are no more yet
 * @param more  the blob is still on its way here: what follows can be asked for later, and nobody has held these bytes against the digest
 */
public record BlobPart(byte[] bytes, boolean more) {}
