package dev.starling.gossip;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/**
 * The bytes that a node signs: a kind, so that no statement passes for one of another kind, and fields of fixed width or led by their length.
 * The layout is part of every signature: never change one, add another kind.
 */
public final class Statement {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream(160);
    private final DataOutputStream out = new DataOutputStream(bytes);

    private interface Write {
        void to(DataOutputStream out) throws IOException;
    }

    public Statement(String kind) {
        text(kind);
    }

    public Statement text(String text) {
        return bytes(text.getBytes(StandardCharsets.UTF_8));
    }

    public Statement bytes(byte[] content) {
        return write(to -> {
            to.writeInt(content.length);
            to.write(content);
        });
    }

    public Statement number(long number) {
        return write(to -> to.writeLong(number));
    }

    public Statement flag(boolean flag) {
        return write(to -> to.writeBoolean(flag));
    }

    public byte[] toBytes() {
        return bytes.toByteArray();
    }

    private Statement write(Write field) {
        try {
            field.to(out);
            return this;
        } catch (IOException e) {
            throw new UncheckedIOException("memory is no device that fails", e);
        }
    }
}
