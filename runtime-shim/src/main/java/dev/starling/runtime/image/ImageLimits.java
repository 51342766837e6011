package dev.starling.runtime.image;

/**
 * What an archive may cost before it is refused. An archive comes from anyone who may load one; none of these bounds is met by an honest
 * image of today, and each keeps a hostile one from filling the disk or the heap.
 *
 * @param archiveBytes        of the archive, decompressed
 * @param archiveEntries      files in the archive
 * @param documentBytes       of a manifest, an index or a config
 * @param allDocumentBytes    of all of them, which are held in memory together
 * @param layers              of one image; overlayfs stacks at most 500 directories
 * @param layerBytes          of one layer, decompressed
 * @param layerEntries        files, directories and links in one layer
 * @param layerNameBytes      of memory for those names in one layer that must be known until its end (directories, whiteouts)
 * @param ratio               decompressed bytes for each compressed one
 * @param ratioFreeBytes      so many decompressed bytes are taken before the ratio counts
 */
public record ImageLimits(
        long archiveBytes, int archiveEntries, int documentBytes, long allDocumentBytes, int layers, long layerBytes, int layerEntries,
        long layerNameBytes, int ratio, long ratioFreeBytes) {

    private static final long MEBIBYTE = 1L << 20;

    public static ImageLimits defaults() {
        return new ImageLimits(
                32_768 * MEBIBYTE, 10_000, (int) (4 * MEBIBYTE), 32 * MEBIBYTE, 128, 32_768 * MEBIBYTE, 1_000_000, 64 * MEBIBYTE, 1_000,
                256 * MEBIBYTE);
    }
}
