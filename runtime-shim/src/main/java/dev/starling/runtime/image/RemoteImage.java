package dev.starling.runtime.image;

import java.util.List;

/**
 * What a registry says a reference stands for, as {@code GET /distribution/NAME/json} tells it.
 *
 * @param digest    of the index or manifest that the tag names
 * @param platforms that it is for
 */
public record RemoteImage(Digest digest, String mediaType, long size, List<MachinePlatform> platforms) {}
