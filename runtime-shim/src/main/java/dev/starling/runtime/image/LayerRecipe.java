package dev.starling.runtime.image;

import com.github.luben.zstd.ZstdInputStream;
import com.github.luben.zstd.ZstdOutputStream;
import dev.starling.runtime.RuntimeShimException;
import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;

/**
 * How to write a layer's tar again, byte for byte, from its unpacked files. An image is known by the digests of its layers' tars, and no two
 * archivers write the same tar; so what {@code docker save} gives away has to be the one that came. Keeping that would double the disk that
 * each loaded image takes. Kept is instead what the tar has besides the contents of its files: headers, padding, end mark.
 *
 * <pre>
 * recipe = zstd( { RAW length bytes | FILE path size }* END )     path below diff/, one byte a char
 * </pre>
 *
 * There is none where a later entry of the layer replaced a file: its content is gone.
 */
final class LayerRecipe {
    private static final int END = 0;
    private static final int RAW = 1;
    private static final int FILE = 2;
    private static final int RAW_BYTES = 32 << 10;
    private static final int BUFFER = 64 << 10;
    private static final int FASTEST = 1;

    private LayerRecipe() {}

    /** Stands below the reader of the tar, so that everything passes it, and hears which part is content. */
    static final class Recorder extends PieceStream implements LayerUnpacker.Journal {
        private final InputStream in;
        private final Path recipe;
        private final OutputStream file;
        private final DataOutputStream out;
        private final byte[] raw = new byte[RAW_BYTES];
        private int rawLength;
        private long contentLeft;
        private long length;
        private boolean lost;

        /** @param recipe is made */
        Recorder(InputStream tar, Path recipe) {
            this.in = tar;
            this.recipe = recipe;
            this.file = Disk.create(recipe);
            try {
                this.out = new DataOutputStream(new ZstdOutputStream(file, FASTEST));
            } catch (IOException failure) {
                throw Disk.failed("write " + recipe, failure);
            }
        }

        @Override
        public int read(byte[] target, int offset, int count) throws IOException {
            int read = in.read(target, offset, count);
            if (read > 0) {
                length += read;
                int content = (int) Math.min(contentLeft, read);
                contentLeft -= content;
                record(target, offset + content, read - content);
            }
            return read;
        }

        private void record(byte[] source, int offset, int count) {
            for (int done = 0; done < count; ) {
                int part = Math.min(count - done, RAW_BYTES - rawLength);
                System.arraycopy(source, offset + done, raw, rawLength, part);
                rawLength += part;
                done += part;
                if (rawLength == RAW_BYTES) {
                    flushRaw();
                }
            }
        }

        private void flushRaw() {
            if (rawLength > 0 && !lost) {
                write(() -> {
                    out.writeByte(RAW);
                    out.writeInt(rawLength);
                    out.write(raw, 0, rawLength);
                });
            }
            rawLength = 0;
        }

        @Override
        public void file(String path, long size) {
            if (size == 0) {
                return;
            }
            flushRaw();
            contentLeft = size;
            if (!lost) {
                write(() -> {
                    byte[] name = path.getBytes(StandardCharsets.ISO_8859_1);
                    out.writeByte(FILE);
                    out.writeShort(name.length);
                    out.write(name);
                    out.writeLong(size);
                });
            }
        }

        @Override
        public void replaced() {
            lost = true;
        }

        /** Of the whole tar, once it has been read. */
        long length() {
            return length;
        }

        /** The recipe is there and whole afterwards, or there is none. On a full disk this fails as well, and still lets go of the file. */
        @Override
        public void close() throws IOException {
            try (InputStream tar = in; OutputStream underneath = file) {
                flushRaw();
                write(() -> {
                    out.writeByte(END);
                    out.close();
                });
                if (lost) {
                    Files.deleteIfExists(recipe);
                }
            }
        }

        private interface Writing {
            void run() throws IOException;
        }

        /** A failure here is this machine's, and not the archive's that is being read. */
        private void write(Writing writing) {
            try {
                writing.run();
            } catch (IOException failure) {
                throw Disk.failed("write " + recipe, failure);
            }
        }
    }

    /**
     * Writes the tar.
     *
     * @throws RuntimeShimException SYSTEM where a file is not what it was, or the recipe is damaged; {@code out} has a part by then
     */
    static void write(Path recipe, Path diff, Digest diffId, FileSystemCalls calls, OutputStream out) throws IOException {
        MessageDigest digest = Digest.sha256();
        byte[] buffer = new byte[BUFFER];
        int root = calls.openDirectory(diff.toString());
        try (DataInputStream in = new DataInputStream(new ZstdInputStream(new BufferedInputStream(Files.newInputStream(recipe))))) {
            for (int kind = in.readUnsignedByte(); kind != END; kind = in.readUnsignedByte()) {
                switch (kind) {
                    case RAW -> {
                        int length = in.readInt();
                        if (length < 0 || length > RAW_BYTES) {
                            throw damaged(diffId);
                        }
                        in.readFully(buffer, 0, length);
                        digest.update(buffer, 0, length);
                        out.write(buffer, 0, length);
                    }
                    case FILE -> {
                        byte[] name = new byte[in.readUnsignedShort()];
                        in.readFully(name);
                        copy(calls, root, new String(name, StandardCharsets.ISO_8859_1), in.readLong(), buffer, digest, out, diffId);
                    }
                    default -> throw damaged(diffId);
                }
            }
        } finally {
            calls.close(root);
        }
        if (!Digest.of(digest).equals(diffId)) {
            throw damaged(diffId);
        }
    }

    private static void copy(FileSystemCalls calls, int root, String path, long size, byte[] buffer, MessageDigest digest, OutputStream out,
            Digest diffId) throws IOException {
        int file = calls.openFile(root, path, TarEntry.shown(path));
        try {
            for (long left = size; left > 0; ) {
                int count = calls.read(file, buffer, (int) Math.min(buffer.length, left), TarEntry.shown(path));
                if (count == 0) {
                    throw damaged(diffId);
                }
                digest.update(buffer, 0, count);
                out.write(buffer, 0, count);
                left -= count;
            }
        } finally {
            calls.close(file);
        }
    }

    private static RuntimeShimException damaged(Digest diffId) {
        return RuntimeShimException.system("image store: layer " + diffId + " is not what it was when it was unpacked; remove its images and get them"
                + " again", null);
    }
}
