package dev.starling.runtime.image;

import java.io.IOException;
import java.io.InputStream;

/**
 * A stream that comes in pieces. A single byte, and what is skipped, come by the same way, so that {@link #read(byte[], int, int)} is all that a kind of
 * stream has to say.
 */
public abstract class PieceStream extends InputStream {
    @Override
    public final int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public abstract int read(byte[] target, int offset, int length) throws IOException;
}
