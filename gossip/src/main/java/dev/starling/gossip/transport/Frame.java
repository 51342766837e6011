package dev.starling.gossip.transport;

import dev.starling.gossip.Endpoint;
import io.netty.buffer.ByteBuf;
import io.netty.handler.codec.CorruptedFrameException;
import java.nio.charset.StandardCharsets;

/**
 * What travels inside a connection: a 4-byte length, a type byte, the fields. Integers are big-endian; a text is its 2-byte length
 * and UTF-8; a payload is what is left.
 * <pre>
 *   1 hello    version:byte host:text port:2       first frame of either side, never again
 *   2 message  payload
 *   3 request  id:8 subject:text payload
 *   4 reply    id:8 payload
 *   5 failure  id:8 code:byte text:text
 *   6 ping     7 pong                               is the other side still there
 *   8 goodbye                                       I close this idle connection; nothing is wrong
 *   9 part     last:byte piece                      of a message, request or reply that is too large to go in one
 *  10 taken    bytes:8                              so much of frames 2 to 5 and 9 has arrived here so far ({@link SendWindow})
 * </pre>
 */
sealed interface Frame {
    int VERSION = 2;
    int MAX_TEXT_BYTES = 1024;
    /** Length, type, id and the length of a text. */
    int OVERHEAD_BYTES = 16;

    /** Appends type and fields, without the length. */
    void write(ByteBuf out);

    /** Calls the receiver's method for this variant. */
    void deliverTo(Receiver receiver);

    /** An upper bound of the frame's bytes, the length field included, before TLS. */
    default int size() {
        return OVERHEAD_BYTES + MAX_TEXT_BYTES;
    }

    /** Whether it carries what somebody sends, and so takes part in the accounts of the {@link SendWindow}. */
    default boolean isLoad() {
        return true;
    }

    /** One method per variant. */
    interface Receiver {
        void on(Hello hello);

        void on(Message message);

        void on(Request request);

        void on(Reply reply);

        void on(Failure failure);

        void on(Ping ping);

        void on(Pong pong);

        void on(Goodbye goodbye);

        void on(Part part);

        void on(Taken taken);
    }

    record Hello(int version, Endpoint advertised) implements Frame {
        @Override
        public void write(ByteBuf out) {
            out.writeByte(1).writeByte(version);
            writeText(out, advertised.host());
            out.writeShort(advertised.port());
        }

        @Override
        public boolean isLoad() {
            return false;
        }

        @Override
        public void deliverTo(Receiver receiver) {
            receiver.on(this);
        }
    }

    record Message(byte[] payload) implements Frame {
        @Override
        public void write(ByteBuf out) {
            out.writeByte(2).writeBytes(payload);
        }

        @Override
        public int size() {
            return OVERHEAD_BYTES + payload.length;
        }

        @Override
        public void deliverTo(Receiver receiver) {
            receiver.on(this);
        }
    }

    record Request(long id, String subject, byte[] payload) implements Frame {
        @Override
        public void write(ByteBuf out) {
            out.writeByte(3).writeLong(id);
            writeText(out, subject);
            out.writeBytes(payload);
        }

        @Override
        public int size() {
            return OVERHEAD_BYTES + MAX_TEXT_BYTES + payload.length;
        }

        @Override
        public void deliverTo(Receiver receiver) {
            receiver.on(this);
        }
    }

    record Reply(long id, byte[] payload) implements Frame {
        @Override
        public void write(ByteBuf out) {
            out.writeByte(4).writeLong(id).writeBytes(payload);
        }

        @Override
        public int size() {
            return OVERHEAD_BYTES + payload.length;
        }

        @Override
        public void deliverTo(Receiver receiver) {
            receiver.on(this);
        }
    }

    record Failure(long id, Code code, String text) implements Frame {
        /** The order is the code on the wire. */
        enum Code { NO_HANDLER, BUSY, FAILED }

        @Override
        public void write(ByteBuf out) {
            out.writeByte(5).writeLong(id).writeByte(code.ordinal());
            writeText(out, text);
        }

        @Override
        public void deliverTo(Receiver receiver) {
            receiver.on(this);
        }
    }

    record Ping() implements Frame {
        @Override
        public void write(ByteBuf out) {
            out.writeByte(6);
        }

        @Override
        public boolean isLoad() {
            return false;
        }

        @Override
        public void deliverTo(Receiver receiver) {
            receiver.on(this);
        }
    }

    record Pong() implements Frame {
        @Override
        public void write(ByteBuf out) {
            out.writeByte(7);
        }

        @Override
        public boolean isLoad() {
            return false;
        }

        @Override
        public void deliverTo(Receiver receiver) {
            receiver.on(this);
        }
    }

    record Goodbye() implements Frame {
        @Override
        public void write(ByteBuf out) {
            out.writeByte(8);
        }

        @Override
        public boolean isLoad() {
            return false;
        }

        @Override
        public void deliverTo(Receiver receiver) {
            receiver.on(this);
        }
    }

    /** {@code piece}: of the bytes that {@link #write} made of the whole frame. */
    record Part(boolean last, byte[] piece) implements Frame {
        @Override
        public void write(ByteBuf out) {
            out.writeByte(9).writeBoolean(last).writeBytes(piece);
        }

        @Override
        public int size() {
            return OVERHEAD_BYTES + piece.length;
        }

        @Override
        public void deliverTo(Receiver receiver) {
            receiver.on(this);
        }
    }

    record Taken(long bytes) implements Frame {
        @Override
        public void write(ByteBuf out) {
            out.writeByte(10).writeLong(bytes);
        }

        @Override
        public boolean isLoad() {
            return false;
        }

        @Override
        public void deliverTo(Receiver receiver) {
            receiver.on(this);
        }
    }

    /** Whether {@code first}, the first part of a frame, is one of a {@link Message}. */
    static boolean beginsMessage(byte[] first) {
        return first[0] == 2;
    }

    /**
     * Reads a whole frame, {@code in} holding exactly its type and fields.
     *
     * @throws CorruptedFrameException where it is none
     */
    static Frame read(ByteBuf in) {
        int bytes = in.readableBytes();
        try {
            int type = in.readUnsignedByte();
            return switch (type) {
                case 1 -> new Hello(in.readUnsignedByte(), new Endpoint(readText(in), in.readUnsignedShort()));
                case 2 -> new Message(rest(in));
                case 3 -> new Request(in.readLong(), readText(in), rest(in));
                case 4 -> new Reply(in.readLong(), rest(in));
                case 5 -> new Failure(in.readLong(), code(in.readUnsignedByte()), readText(in));
                case 6 -> new Ping();
                case 7 -> new Pong();
                case 8 -> new Goodbye();
                case 9 -> new Part(in.readBoolean(), rest(in));
                case 10 -> new Taken(in.readLong());
                default -> throw new CorruptedFrameException("unknown frame type " + type);
            };
        } catch (IndexOutOfBoundsException | IllegalArgumentException e) {
            throw new CorruptedFrameException("a frame of " + bytes + " bytes cannot be read: " + e.getMessage(), e);
        }
    }

    private static Failure.Code code(int ordinal) {
        return ordinal < Failure.Code.values().length ? Failure.Code.values()[ordinal] : Failure.Code.FAILED;
    }

    private static byte[] rest(ByteBuf in) {
        byte[] bytes = new byte[in.readableBytes()];
        in.readBytes(bytes);
        return bytes;
    }

    private static String readText(ByteBuf in) {
        int length = in.readUnsignedShort();
        if (length > MAX_TEXT_BYTES) {
            throw new CorruptedFrameException("a text of " + length + " bytes, at most " + MAX_TEXT_BYTES + " are read");
        }
        return in.readString(length, StandardCharsets.UTF_8);
    }

    private static void writeText(ByteBuf out, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        int length = Math.min(bytes.length, MAX_TEXT_BYTES);
        out.writeShort(length);
        out.writeBytes(bytes, 0, length);
    }
}
