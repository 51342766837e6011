package dev.starling.runtime.image;

import com.github.luben.zstd.ZstdInputStream;
import dev.starling.runtime.RuntimeShimException;
import java.io.BufferedInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import org.apache.commons.compress.compressors.gzip.GzipCompressorInputStream;

/**
 * Opens what may be plain, gzip or zstd, told by its first bytes: media types and file names are hearsay. What comes out is bounded in size
 * and in its ratio to what went in.
 */
final class Decompressor {
    private static final int BUFFER = 1 << 16;

    private Decompressor() {}

    /**
     * @param source   stays the caller's to close; closing what is returned frees only the decompressor
     * @param where    names the stream for error messages
     * @param maxBytes that may come out
     */
    static InputStream open(InputStream source, String where, long maxBytes, ImageLimits limits) throws IOException {
        Counting compressed = new Counting(source);
        BufferedInputStream buffered = new BufferedInputStream(compressed, BUFFER);
        buffered.mark(4);
        byte[] magic = buffered.readNBytes(4);
        buffered.reset();
        InputStream plain;
        if (startsWith(magic, 0x1f, 0x8b)) {
            plain = new GzipCompressorInputStream(buffered, true);
        } else if (startsWith(magic, 0x28, 0xb5, 0x2f, 0xfd)) {
            plain = new ZstdInputStream(buffered).setLongMax(27);
        } else if (startsWith(magic, 0xfd, '7', 'z', 'X') || startsWith(magic, 'B', 'Z', 'h')) {
            throw RuntimeShimException.unsupported(where + " is compressed with " + (magic[0] == 'B' ? "bzip2" : "xz")
                    + ", which is not supported; gzip, zstd and none are");
        } else {
            return new Bounded(buffered, compressed, where, maxBytes, Integer.MAX_VALUE, 0);
        }
        return new Bounded(plain, compressed, where, maxBytes, limits.ratio(), limits.ratioFreeBytes());
    }

    private static boolean startsWith(byte[] content, int... prefix) {
        if (content.length < prefix.length) {
            return false;
        }
        for (int i = 0; i < prefix.length; i++) {
            if ((content[i] & 0xff) != prefix[i]) {
                return false;
            }
        }
        return true;
    }

    private static final class Counting extends FilterInputStream {
        private long count;

        Counting(InputStream in) {
            super(in);
        }

        @Override
        public int read() throws IOException {
            int value = in.read();
            count += value < 0 ? 0 : 1;
            return value;
        }

        @Override
        public int read(byte[] target, int offset, int length) throws IOException {
            int read = in.read(target, offset, length);
            count += Math.max(read, 0);
            return read;
        }

        @Override
        public boolean markSupported() {
            return false;
        }

        @Override
        public void close() {
            // the source is the caller's
        }
    }

    private static final class Bounded extends PieceStream {
        private final InputStream in;
        private final Counting compressed;
        private final String where;
        private final long maxBytes;
        private final int ratio;
        private final long ratioFreeBytes;
        private long count;

        Bounded(InputStream in, Counting compressed, String where, long maxBytes, int ratio, long ratioFreeBytes) {
            this.in = in;
            this.compressed = compressed;
            this.where = where;
            this.maxBytes = maxBytes;
            this.ratio = ratio;
            this.ratioFreeBytes = ratioFreeBytes;
        }

        @Override
        public int read(byte[] target, int offset, int length) throws IOException {
            int read = in.read(target, offset, length);
            count += Math.max(read, 0);
            if (count > maxBytes) {
                throw RuntimeShimException.invalid(where + " unpacks to more than " + maxBytes + " bytes");
            }
            if (count > ratioFreeBytes && count / ratio > compressed.count) {
                throw RuntimeShimException.invalid(where + " unpacks to more than " + ratio + " times its size");
            }
            return read;
        }

        @Override
        public void close() throws IOException {
            in.close();
        }
    }
}
